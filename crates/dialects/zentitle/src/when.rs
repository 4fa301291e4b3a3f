//! Dates and instants as callers write them.

use lessor_core::Timestamp;

/// Reads `YYYY-MM-DD`, `YYYY-MM-DDTHH:MM[:SS[.f]]` with or without an offset (none is UTC), and the older
/// `dd Mon yyyy HH:MM AM/PM`. `None` for anything else, and for days that do not exist.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    Timestamp::parse(&iso(text).or_else(|| older(text))?)
}

/// The text as RFC 3339, if it has the form of ISO 8601.
fn iso(text: &str) -> Option<String> {
    let date = text.get(..10).filter(|date| has_form(date, "dddd-dd-dd"))?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return Some(format!("{date}T00:00:00Z"));
    };
    let time = rest.strip_prefix(['T', 't'])?;
    let minutes = time.get(..5).filter(|minutes| has_form(minutes, "dd:dd"))?;
    let (seconds, rest) = seconds(&time[5..])?;
    Some(format!("{date}T{minutes}{seconds}{}", offset(rest)?))
}

/// Splits `[:SS[.f]]` off, with at most nine digits of the fraction.
fn seconds(text: &str) -> Option<(String, &str)> {
    let Some(after) = text.strip_prefix(':') else { return Some((":00".into(), text)) };
    let whole = after.get(..2).filter(|whole| has_form(whole, "dd"))?;
    let after = &after[2..];
    let Some(fraction) = after.strip_prefix('.') else { return Some((format!(":{whole}"), after)) };
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let kept = &fraction[..digits.min(9)];
    (!kept.is_empty()).then(|| (format!(":{whole}.{kept}"), &fraction[digits..]))
}

/// An offset in RFC 3339; a raw `+` of a query arrives as a blank.
fn offset(text: &str) -> Option<String> {
    match text {
        "" | "Z" | "z" => Some("Z".into()),
        _ if has_form(text, "+dd:dd") || has_form(text, "-dd:dd") => Some(text.into()),
        _ if has_form(text, " dd:dd") => Some(format!("+{}", &text[1..])),
        _ => None,
    }
}

/// `05 Jan 2021 03:30 PM` as RFC 3339.
fn older(text: &str) -> Option<String> {
    const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [day, month, year, time, half] = parts[..] else { return None };
    let day: u32 = day.parse().ok()?;
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? + 1;
    let year: u32 = year.parse().ok().filter(|year| (1..=9999).contains(year))?;
    let (hour, minute) = time.split_once(':')?;
    let hour: u32 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let minute: u32 = minute.parse().ok()?;
    let afternoon = match half.to_ascii_lowercase().as_str() {
        "am" => 0,
        "pm" => 12,
        _ => return None,
    };
    Some(format!("{year:04}-{month:02}-{day:02}T{:02}:{minute:02}:00Z", hour % 12 + afternoon))
}

/// Has the text this form, `d` being a digit and anything else itself?
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| if form == b'd' { byte.is_ascii_digit() } else { byte == form })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        parse(text).map(Timestamp::to_rfc3339)
    }

    #[test]
    fn each_documented_form_is_read() {
        let cases = [
            ("2018-11-01", "2018-11-01T00:00:00Z"),
            ("2020-10-10T00:12", "2020-10-10T00:12:00Z"),
            ("2020-10-10T00:12:00", "2020-10-10T00:12:00Z"),
            ("2021-06-16T00:00:00.083Z", "2021-06-16T00:00:00.083Z"),
            ("2021-06-16T00:00:00.7", "2021-06-16T00:00:00.7Z"),
            ("2021-06-16T02:00:00.1234567890123+02:00", "2021-06-16T00:00:00.123Z"),
            ("2021-06-16T02:00:00 02:00", "2021-06-16T00:00:00Z"),
            (" 05 Jan 2021 12:30 AM ", "2021-01-05T00:30:00Z"),
            ("5 jan 2021 12:30 pm", "2021-01-05T12:30:00Z"),
            ("31 Dec 2021 11:59 PM", "2021-12-31T23:59:00Z"),
        ];
        for (given, expected) in cases {
            assert_eq!(read(given).as_deref(), Some(expected), "{given}");
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        let cases = [
            "",
            "reset",
            "2021",
            "2021-02-30",
            "2021-13-01",
            "2021-06-16T",
            "2021-06-16T24:01",
            "2021-06-16T00:00:",
            "2021-06-16 00:00",
            "2021-06-16T00:00:00.",
            "2021-06-16T00:00:00+2",
            "2021-06-16T00:00:00Zx",
            "32 Jan 2021 01:00 AM",
            "1 Jan 2021 13:00 PM",
            "1 Foo 2021 01:00 AM",
            "１2021-06-1",
            "2021-06-16T00:60",
        ];
        for given in cases {
            assert_eq!(read(given), None, "{given}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_is_read_back(millis in -62_135_596_800_000_i64..253_402_300_799_999) {
            let instant = Timestamp::from_micros(millis * 1000);
            proptest::prop_assert_eq!(parse(&instant.to_rfc3339()), Some(instant));
        }
    }
}
