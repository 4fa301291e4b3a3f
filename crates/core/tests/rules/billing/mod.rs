//! Prices and statements on both engines.

mod branches;
mod plain;
mod reconciliations;
mod seats;
mod trials;
mod usage;

use lessor_core::billing::{
    self, Amount, Billed, EndPriceList, NewPriceList, PriceList, StartClosing, Statement, Target, Tier,
};
use lessor_core::license::ChangeLicense;
use lessor_core::metering::day::{Day, Month};
use lessor_core::{AccountId, Error, LicenseId, ProductId, Timestamp};
use lessor_testkit::Bench;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn month(text: &str) -> Month {
    Month::parse(text).expect("a month")
}

/// Moves the clock to a winter time in Prague.
fn at(bench: &Bench, text: &str) {
    let instant = Timestamp::parse(&format!("{text}:00+01:00")).expect("an instant");
    assert!(bench.clock.move_to(instant), "time does not go back");
}

async fn ordered(bench: &Bench, product: ProductId, account: AccountId, seats: i64) -> LicenseId {
    let (id, _) = bench.issue(product, None, 1).await.remove(0);
    let mut change = ChangeLicense::of(id);
    change.account = Some(Some(account));
    change.terms.activation_limit = Some(seats);
    bench.change(change).await.expect("an order");
    id
}

fn list(account: AccountId, target: Target, from: &str, tiers: &[(i64, &str)]) -> NewPriceList {
    let tier = |(from, price): &(i64, &str)| Tier { from: *from, price: Amount::parse(price).expect("a price") };
    NewPriceList {
        account,
        billed: Billed::Account,
        target,
        name: "Default".into(),
        currency: "EUR".into(),
        discount: 0,
        from: day(from),
        until: None,
        tiers: tiers.iter().map(tier).collect(),
    }
}

async fn priced(bench: &Bench, new: NewPriceList) -> PriceList {
    bench.write(move |tx, cx| billing::create_price_list(tx, cx, &new)).await.expect("a price list")
}

async fn try_priced(bench: &Bench, new: NewPriceList) -> Result<PriceList, Error> {
    bench.write(move |tx, cx| billing::create_price_list(tx, cx, &new)).await
}

async fn end(bench: &Bench, list: &PriceList, until: &str) -> Result<PriceList, Error> {
    let cmd = EndPriceList { price_list: list.id, until: day(until) };
    bench.write(move |tx, cx| billing::end_price_list(tx, cx, &cmd)).await
}

async fn preview(bench: &Bench, account: AccountId, of: &str) -> Option<String> {
    let of = month(of);
    bench.read(move |tx, cx| billing::preview(tx, cx, account, of)).await.expect("a preview")
}

async fn start(bench: &Bench, of: &str) -> Result<billing::Closing, Error> {
    let cmd = StartClosing { vendor: bench.root.id, month: month(of) };
    bench.write(move |tx, cx| billing::start_closing(tx, cx, &cmd)).await
}

async fn close(bench: &Bench, of: &str) {
    start(bench, of).await.expect("a closing");
    while bench.write(billing::close_some).await.expect("a stretch") {}
}

async fn statements(bench: &Bench, account: AccountId) -> Vec<Statement> {
    bench.read(move |tx, cx| billing::statements(tx, cx, account, 0, 100)).await.expect("statements")
}

async fn check_all(bench: &Bench, account: AccountId) {
    let mut previous = vec![0; 32];
    for (at, statement) in statements(bench, account).await.into_iter().enumerate() {
        let number = i64::try_from(at + 1).expect("a number");
        assert_eq!((statement.link.number, &statement.link.previous), (number, &previous));
        let text = [previous.as_slice(), &number.to_be_bytes(), statement.document.as_bytes()].concat();
        assert_eq!(Sha256::digest(&text).as_slice(), statement.hash);
        previous = statement.hash;
        let id = statement.id;
        let verdict = bench.read(move |tx, cx| billing::verify(tx, cx, id)).await.expect("a verdict");
        assert!(verdict.same_bytes && verdict.hash_holds && verdict.chain_holds, "{number}: {verdict:?}");
    }
}

fn read(document: &str) -> Value {
    serde_json::from_str(document).expect("JSON")
}
