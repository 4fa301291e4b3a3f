//! Lists whose pages have numbers: each page is what its number says, whatever was looked at and changed before.

use lessor_core::account::Kind;
use lessor_core::license::{self, ChangeLicense, ImportLicenses, ImportRow, LicenseFilter};
use lessor_core::{LicenseId, Start};
use lessor_testkit::world::{activate_on, device};
use lessor_testkit::{Bench, on_both_engines};

async fn page(bench: &Bench, filter: &LicenseFilter, number: i64) -> Vec<LicenseId> {
    let filter = filter.clone();
    let found = bench.read(move |tx, cx| license::list(tx, cx, &filter, Start::At(number), 20)).await;
    found.expect("a page").into_iter().map(|view| view.license.id).collect()
}

async fn assert_pages(bench: &Bench, filter: &LicenseFilter, all: &[LicenseId]) {
    for number in [0, 20, 40, 40, 33, 33, 53, 0, 60, 80] {
        let from = usize::try_from(number).expect("small").min(all.len());
        let expected = &all[from..all.len().min(from + 20)];
        assert_eq!(page(bench, filter, number).await, expected, "behind {number}");
    }
}

on_both_engines! {
    a_page_is_what_its_number_says_whatever_changed_before(bench) {
        let product = bench.product("Paint").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "C").await;
        let rows = (0..70).map(|n| ImportRow { code: Some(format!("CODE-{n:02}")), ..ImportRow::default() }).collect();
        let import = ImportLicenses { product: product.id, rows };
        bench.write(move |tx, cx| license::import(tx, cx, &import)).await.expect("fates");
        let all = LicenseFilter { product: Some(product.id), ..LicenseFilter::of(bench.root.id) };
        let free = LicenseFilter { account: Some(bench.root.id), ..all.clone() };
        let unused = LicenseFilter { used: Some(false), ..all.clone() };
        let listed = bench.read({
            let all = all.clone();
            move |tx, cx| license::list(tx, cx, &all, Start::FIRST, 100)
        });
        let mut ids: Vec<LicenseId> = listed.await.expect("a list").into_iter().map(|view| view.license.id).collect();
        assert_eq!(ids.len(), 70);
        for filter in [&all, &free, &unused] {
            assert_pages(&bench, filter, &ids).await;
        }
        // A device comes: only the list of those never used has one less.
        bench.activate(activate_on(product.id, Some("CODE-05"), &device(1))).await.expect("activated");
        assert_pages(&bench, &all, &ids).await;
        let never: Vec<LicenseId> = ids.iter().copied().filter(|id| *id != ids[5]).collect();
        assert_pages(&bench, &unused, &never).await;
        // One is given away, and one is removed: what stands behind them moves up.
        let given = ChangeLicense { account: Some(Some(customer.id)), ..ChangeLicense::of(ids[3]) };
        bench.change(given).await.expect("given");
        let rest: Vec<LicenseId> = ids.iter().copied().filter(|id| *id != ids[3]).collect();
        assert_pages(&bench, &free, &rest).await;
        assert_pages(&bench, &all, &ids).await;
        let gone = ids.remove(10);
        bench.write(move |tx, cx| license::remove(tx, cx, gone)).await.expect("removed");
        assert_pages(&bench, &all, &ids).await;
    }
}
