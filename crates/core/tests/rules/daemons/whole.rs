//! For each command of daemons: whichever of its statements fails, nothing remains.

use super::{Lan, given, master, network};
use crate::faults::survives;
use lessor_core::Actor;
use lessor_core::daemon::{self, local};
use lessor_testkit::on_both_engines;

on_both_engines! {
    daemon_commands_leave_nothing_behind(bench) {
        let product = bench.product("Paint").await;
        let master = master(&bench, product.id, None, 2).await;
        let license = bench.license(product.id, network(2, 2)).await;
        let online = || bench.caller(Actor::device());
        let lan = Lan::new(&bench, product.id, &master).await;
        let (request, _) = lan.request().await;
        let answer = survives(&bench, online(), move |tx, cx| daemon::enrol(tx, cx, &request, "")).await;
        let first = given(&bench, &answer);
        let own = || lan.local.app.system();
        survives(&lan.local, own(), move |tx, cx| local::apply(tx, cx, &first)).await;
        lan.seat(&license, 0, 1).await;
        bench.pass_hours(4 * 24);
        let report = lan.report().await;
        let answer = survives(&bench, online(), move |tx, cx| daemon::sync(tx, cx, &report)).await;
        assert_eq!(answer.number, 2);
        survives(&lan.local, own(), move |tx, cx| local::stop(tx, cx, "enough")).await;
        let credential = lan.credential().await;
        survives(&bench, online(), move |tx, cx| daemon::give_back(tx, cx, &credential)).await;
        bench.pass_hours(60 * 24);
        survives(&bench, bench.app.system(), daemon::tell_ended).await;
        let lost = Lan::new(&bench, product.id, &master).await.enrol(&bench).await.daemon;
        survives(&bench, bench.app.system(), move |tx, cx| daemon::free(tx, cx, lost)).await;
    }
}
