//! What queries remember of names, places, aliases and products.

use lessor_core::account::{self, ChangeAccount};
use lessor_core::alias::{self, Space};
use lessor_core::license;
use lessor_core::{AccountId, Error, LicenseId, Noun};
use lessor_db::statements;
use lessor_testkit::{Bench, on_both_engines};

const NUMBER: Space = Space { dialect: "test", kind: "number" };

statements! {
    /// As another program would do it, of which nobody is told.
    RENAME = "UPDATE accounts SET name = $2 WHERE id = $1";
}

/// The name of a license's account, and what a dialect calls the license.
async fn told(bench: &Bench, id: LicenseId) -> (String, Option<String>) {
    let read = move |tx: &mut dyn lessor_core::Tx, cx: &lessor_core::Context<'_>| {
        let names = alias::names_of(tx, cx, NUMBER, &[id.0])?;
        Ok::<_, Error>((license::get(tx, cx, id)?.account_name, names.get(&id.0).map(|name| name.to_string())))
    };
    bench.read(read).await.expect("an answer")
}

async fn rename_silently(bench: &Bench, id: AccountId, name: &'static str) {
    let rename = move |tx: &mut dyn lessor_core::Tx| tx.execute(RENAME, &[id.into(), name.into()]).map_err(Error::from);
    bench.app.store().write(rename).await.expect("a change");
}

on_both_engines! {
    names_are_read_once_where_every_change_passes_through_this_process(bench) {
        let product = bench.product("Paint").await.id;
        let made = bench.issue(product, None, 1).await;
        let (id, tenant) = (made[0].0, bench.root.id);
        let before = told(&bench, id).await;
        assert_eq!(before, (bench.root.name.clone(), None));

        rename_silently(&bench, tenant, "Silent").await;
        let alone = bench.app.store().epochs().is_some();
        let here = if alone { bench.root.name.clone() } else { "Silent".to_owned() };
        assert_eq!(told(&bench, id).await.0, here);

        // A change that is told is seen by whoever asks next, and so is what was kept from sight before.
        bench
            .write(move |tx, _| alias::give(tx, tenant, NUMBER, "17", id.0, Noun::License))
            .await
            .expect("a number");
        assert_eq!(told(&bench, id).await, ("Silent".to_owned(), Some("17".to_owned())));
        let change = ChangeAccount {
            account: tenant,
            name: Some("Loud".to_owned()),
            contact: None,
            expected_version: None,
        };
        bench.write(move |tx, cx| account::change(tx, cx, &change)).await.expect("a name");
        assert_eq!(told(&bench, id).await, ("Loud".to_owned(), Some("17".to_owned())));
        bench.write(move |tx, _| alias::take(tx, NUMBER, id.0)).await.expect("no number");
        assert_eq!(told(&bench, id).await, ("Loud".to_owned(), None));
    }
}
