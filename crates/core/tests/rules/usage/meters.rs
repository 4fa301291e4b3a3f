//! What a meter can be.

use super::{make, meter, new_meter};
use crate::faults::survives;
use lessor_core::account::Kind;
use lessor_core::metering::{self, Aggregation, CreateMeter, LevelRule};
use lessor_core::{Error, Noun, Refusal};
use lessor_testkit::on_both_engines;

on_both_engines! {
    a_meter_is_found_by_its_vendor_and_says_what_it_was_made_with(bench) {
        let command = CreateMeter {
            level_rule: Some(LevelRule::Last),
            time_zone: "Europe/Prague".into(),
            cutoff_minutes: 30,
            ..new_meter(&bench, "bytes.stored", Aggregation::Level)
        };
        let made = make(&bench, command).await;
        assert_eq!((made.days.zone(), made.days.cutoff_minutes(), made.level_rule), ("Europe/Prague", 30, LevelRule::Last));
        let (root, id) = (bench.root.id, made.id);
        assert_eq!(bench.read(move |tx, cx| metering::get(tx, cx, id)).await.expect("a meter"), made);
        assert_eq!(bench.read(move |tx, cx| metering::list(tx, cx, root)).await.expect("meters"), [made]);
        let other = bench.other_vendor("Other").await.id;
        assert_eq!(bench.read(move |tx, cx| metering::list(tx, cx, other)).await.expect("meters"), []);
    }

    a_meter_is_made_whole_or_not_at_all(bench) {
        let command = new_meter(&bench, "calls", Aggregation::Sum);
        survives(&bench, bench.app.system(), move |tx, cx| metering::create(tx, cx, &command)).await;
    }

    what_a_meter_cannot_be_is_refused_and_changes_nothing(bench) {
        meter(&bench, "calls", Aggregation::Sum).await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await.id;
        let before = bench.digests(&[]);
        let new = |name: &str| new_meter(&bench, name, Aggregation::Sum);
        let wrong = [
            (new("calls"), "exists already"),
            (new(""), "name"),
            (new("Calls"), "name"),
            (new("two words"), "name"),
            (new(&"x".repeat(65)), "name"),
            (CreateMeter { unit: "x".repeat(65), ..new("a") }, "unit"),
            (CreateMeter { time_zone: "Mars/Olympus".into(), ..new("a") }, "time_zone"),
            (CreateMeter { cutoff_minutes: 1_440, ..new("a") }, "cutoff_minutes"),
            (CreateMeter { cutoff_minutes: -1, ..new("a") }, "cutoff_minutes"),
            (CreateMeter { level_rule: Some(LevelRule::Last), ..new("a") }, "level_rule"),
            (CreateMeter { key_attribute: Some(String::new()), ..new("a") }, "key_attribute"),
            (CreateMeter { aggregation: Aggregation::Level, key_attribute: Some("k".into()), ..new("a") }, "key_attribute"),
            (CreateMeter { from_devices: true, ..new_meter(&bench, "a", Aggregation::SeatDays) }, "from_devices"),
            (CreateMeter { tenant: customer, ..new("a") }, "vendor"),
        ];
        for (command, word) in wrong {
            let told = format!("{command:?}");
            let error = bench.write(move |tx, cx| metering::create(tx, cx, &command)).await.expect_err("a refusal");
            assert!(matches!(error, Error::Refused(_)) && error.to_string().contains(word), "{error}: {told}");
        }
        let nobody = CreateMeter { tenant: lessor_core::AccountId(uuid::Uuid::max()), ..new("a") };
        let missing = bench.write(move |tx, cx| metering::create(tx, cx, &nobody)).await.expect_err("a refusal");
        assert!(matches!(missing, Error::Refused(Refusal::NotFound(Noun::Account))));
        assert_eq!(bench.digests(&[]), before);
    }
}
