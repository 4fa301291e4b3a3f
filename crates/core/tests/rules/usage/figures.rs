//! Worked examples, as the manual tells them.

use super::{average, count, is_sound, make, meter, new_meter, query, rows, sums, told, total};
use lessor_core::account::Kind;
use lessor_core::metering::{Aggregation, By, CreateMeter, LevelRule, NewRecord, Per, Query};
use lessor_testkit::{Bench, on_both_engines};
use serde_json::{Value, json};

fn keyed(record: NewRecord, keys: Value) -> NewRecord {
    let attributes = json!({ "services": keys }).as_object().cloned().expect("an object");
    NewRecord { attributes, ..record }
}

/// The day before which all of the examples lie.
fn to_may(bench: &Bench) {
    bench.pass_hours(24 * 120);
}

on_both_engines! {
    calls_of_a_day_are_added_up_and_a_correction_takes_some_away(bench) {
        to_may(&bench);
        let calls = meter(&bench, "api.calls", Aggregation::Sum).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        count(&bench, &[
            told("api.calls", &customer, "1", "2026-03-01T08:00:00Z", "", 40),
            told("api.calls", &customer, "2", "2026-03-01T23:59:59.999Z", "", 2),
            told("api.calls", &customer, "3", "2026-03-02T00:00:00Z", "", 100),
            NewRecord { corrects: Some("3".into()), ..told("api.calls", &customer, "4", "2026-03-02T00:00:00Z", "", -60) },
        ]).await;
        assert_eq!(sums(&total(&bench, query(&calls, customer.id, "2026-02-28", "2026-03-03", Per::Day)).await), [0, 42, 40, 0]);
        let months = total(&bench, query(&calls, customer.id, "2026-02-01", "2026-03-31", Per::Month)).await;
        assert_eq!((sums(&months), months.total.sum, months.total.days), (vec![0, 82], 82, 59));
    }

    an_endpoint_counts_once_a_month_and_once_for_each_service(bench) {
        to_may(&bench);
        let command = CreateMeter { key_attribute: Some("services".into()), ..new_meter(&bench, "endpoints", Aggregation::Distinct) };
        let endpoints = make(&bench, command).await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let customer = bench.account(partner.id, Kind::Customer, "C").await;
        let seen = |id: &str, time: &str, endpoint: &str| told("endpoints", &customer, id, time, endpoint, 1);
        count(&bench, &[
            keyed(seen("1", "2026-03-04T10:00:00Z", "e-1"), json!(["backup"])),
            keyed(seen("2", "2026-03-09T10:00:00Z", "e-1"), json!(["backup", "patch"])),
            keyed(seen("3", "2026-03-09T11:00:00Z", "e-2"), json!("patch")),
            seen("4", "2026-03-31T23:59:59Z", "e-2"),
            seen("5", "2026-04-01T00:00:00Z", "e-2"),
        ]).await;
        let month = |key: &str| Query { key: key.into(), ..query(&endpoints, partner.id, "2026-03-01", "2026-04-30", Per::Month) };
        assert_eq!(sums(&total(&bench, month("")).await), [2, 1]);
        assert_eq!(sums(&total(&bench, month("backup")).await), [1, 0]);
        assert_eq!(sums(&total(&bench, month("patch")).await), [2, 0]);
        assert_eq!(sums(&total(&bench, month("unheard")).await), [0, 0]);
        let keys = rows(&bench, Query { each: vec![By::Key], ..month("") }).await;
        assert_eq!(keys.iter().map(|row| (row.of.key.as_deref(), row.total.sum)).collect::<Vec<_>>(), [(Some("backup"), 1), (Some("patch"), 2)]);
        // Each counts on the day of the month on which it was first seen, so that days add up to the month.
        let days = query(&endpoints, partner.id, "2026-03-04", "2026-03-10", Per::Day);
        assert_eq!(sums(&total(&bench, days.clone()).await), [1, 0, 0, 0, 0, 1, 0]);
        count(&bench, &[seen("6", "2026-03-07T00:00:00Z", "e-2")]).await;
        assert_eq!(sums(&total(&bench, days).await), [1, 0, 0, 1, 0, 0, 0]);
        is_sound(&bench).await;
    }

    the_last_report_of_a_day_is_its_level_and_is_carried_forward(bench) {
        to_may(&bench);
        let users = average(&bench, "desktop_users").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let report = |id: &str, time: &str, value| told("desktop_users", &customer, id, time, "", value);
        count(&bench, &[
            report("1", "2026-04-11T08:00:00Z", 9),
            report("2", "2026-04-11T20:00:00Z", 6),
            report("3", "2026-04-21T10:00:00Z", 0),
            report("4", "2026-04-11T12:00:00Z", 8),
        ]).await;
        // 6 users for ten days of 30 are 2 on average.
        let april = query(&users, customer.id, "2026-04-01", "2026-04-30", Per::Month);
        let shown = total(&bench, april.clone()).await;
        assert_eq!((shown.total.sum, shown.total.days, shown.total.last), (60, 30, 0));
        assert_eq!(sums(&total(&bench, query(&users, customer.id, "2026-04-10", "2026-04-12", Per::Day)).await), [0, 6, 6]);
        // A late report changes its own day and those it is carried to, and no other.
        count(&bench, &[report("5", "2026-04-16T00:00:00Z", 10)]).await;
        assert_eq!(sums(&total(&bench, query(&users, customer.id, "2026-04-15", "2026-04-22", Per::Day)).await), [6, 10, 10, 10, 10, 10, 0, 0]);
        assert_eq!(total(&bench, april).await.total.sum, 5 * 6 + 5 * 10);
        is_sound(&bench).await;
    }

    a_level_goes_on_into_the_next_month_and_days_to_come_do_not_count(bench) {
        to_may(&bench);
        let users = average(&bench, "users").await;
        let last = make(&bench, CreateMeter { level_rule: Some(LevelRule::Last), ..new_meter(&bench, "bytes", Aggregation::Level) }).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        for meter in ["users", "bytes"] {
            count(&bench, &[told(meter, &customer, meter, "2026-01-31T10:00:00Z", "", 4), told(meter, &customer, &format!("{meter}-2"), "2026-04-30T10:00:00Z", "", 6)]).await;
        }
        let months = total(&bench, query(&users, customer.id, "2026-01-01", "2026-05-31", Per::Month)).await;
        // It is the first of May, which has begun.
        assert_eq!(sums(&months), [4, 4 * 28, 4 * 31, 4 * 29 + 6, 6]);
        assert_eq!(months.figures.iter().map(|figure| figure.days).collect::<Vec<_>>(), [31, 28, 31, 30, 1]);
        let lasts = total(&bench, query(&last, customer.id, "2026-01-01", "2026-05-31", Per::Month)).await;
        assert_eq!(lasts.figures.iter().map(|figure| figure.last).collect::<Vec<_>>(), [4, 4, 4, 6, 6]);
        let middle = total(&bench, query(&users, customer.id, "2026-02-10", "2026-04-02", Per::Range)).await;
        assert_eq!((middle.total.sum, middle.total.days), (4 * 52, 52));
        let ahead = total(&bench, query(&users, customer.id, "2026-04-30", "2026-05-03", Per::Day)).await;
        assert_eq!(sums(&ahead), [6, 6, 0, 0]);
    }

    levels_of_several_subjects_and_accounts_add_up(bench) {
        to_may(&bench);
        let bytes = average(&bench, "bytes").await;
        let partner = bench.account(bench.root.id, Kind::Partner, "P").await;
        let (one, two) = (bench.account(partner.id, Kind::Customer, "1").await, bench.account(partner.id, Kind::Customer, "2").await);
        count(&bench, &[
            told("bytes", &one, "1", "2026-03-01T00:00:00Z", "ada", 10),
            told("bytes", &one, "2", "2026-03-03T00:00:00Z", "ben", 1),
            told("bytes", &two, "3", "2026-03-02T00:00:00Z", "ada", 100),
            told("bytes", &one, "4", "2026-03-04T00:00:00Z", "ada", 0),
        ]).await;
        let days = query(&bytes, partner.id, "2026-03-01", "2026-03-05", Per::Day);
        assert_eq!(sums(&total(&bench, days.clone()).await), [10, 110, 111, 101, 101]);
        let each = rows(&bench, Query { each: vec![By::Account], ..days }).await;
        let named: Vec<_> = each.iter().map(|row| (row.names.account.as_deref(), row.total.sum)).collect();
        assert_eq!(named, [(Some("P"), 0), (Some("1"), 33), (Some("2"), 400)]);
    }

    a_day_of_a_meter_ends_when_it_says(bench) {
        to_may(&bench);
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        // The last instant of 28 March and the first of 29 March, on which clocks go forward in Prague.
        for (zone, last, first) in [
            ("Europe/Prague", "2026-03-28T23:29:59.999Z", "2026-03-28T23:30:00Z"),
            ("America/New_York", "2026-03-29T04:29:59.999Z", "2026-03-29T04:30:00Z"),
            ("Asia/Kolkata", "2026-03-28T18:59:59.999Z", "2026-03-28T19:00:00Z"),
        ] {
            let name = zone.to_lowercase().replace('/', ".");
            let command = CreateMeter { time_zone: zone.into(), cutoff_minutes: 30, ..new_meter(&bench, &name, Aggregation::Sum) };
            let meter = make(&bench, command).await;
            let record = |id: &str, time: &str, value| told(&name, &customer, &format!("{zone}-{id}"), time, "", value);
            count(&bench, &[record("1", last, 1), record("2", first, 10)]).await;
            assert_eq!(sums(&total(&bench, query(&meter, customer.id, "2026-03-28", "2026-03-29", Per::Day)).await), [1, 10], "{zone}");
            // The ends of a leap February.
            let (end, begin) = match zone {
                "Europe/Prague" => ("2024-02-29T23:29:00Z", "2024-02-29T23:31:00Z"),
                "America/New_York" => ("2024-03-01T05:29:00Z", "2024-03-01T05:31:00Z"),
                _ => ("2024-02-29T18:59:00Z", "2024-02-29T19:01:00Z"),
            };
            count(&bench, &[record("3", end, 100), record("4", begin, 1000)]).await;
            let months = total(&bench, query(&meter, customer.id, "2024-02-01", "2024-03-31", Per::Month)).await;
            assert_eq!((sums(&months), months.figures[0].days), (vec![100, 1000], 29), "{zone}");
        }
        is_sound(&bench).await;
    }
}
