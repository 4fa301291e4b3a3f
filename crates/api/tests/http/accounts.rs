//! Accounts and holds: made, shown, changed, moved, closed.

use crate::bench::Site;
use http::Method;
use lessor_testkit::on_both_engines;
use serde_json::json;

on_both_engines! {
    an_account_is_made_shown_changed_and_closed(bench) {
        let site = Site::new(bench).await;
        let new = json!({ "kind": "partner", "name": "Fabrikam", "contact": { "city": "Brno" } });
        let made = site.post("/v1/accounts", &new).await.is(201);
        let path = made.header("location").to_owned();
        assert_eq!(path, format!("/v1/accounts/{}", made.text("id")));
        assert_eq!(made.text("parent"), site.bench.root.id.to_string());
        let shown = site.get(&path).await.is(200);
        assert_eq!(shown.body, made.body);
        assert_eq!(shown.header("etag"), made.header("etag"));

        let changed = site.patch(&path, &json!({ "name": "Fabrikam MSP" })).await.is(200);
        assert_eq!(changed.text("name"), "Fabrikam MSP");
        assert_eq!(changed.body["contact"], json!({ "city": "Brno" }));
        let cleared = site.patch(&path, &json!({ "contact": null })).await.is(200);
        assert_eq!(cleared.body["contact"], json!({}));
        assert_eq!(cleared.body["version"], 3);

        let closed = site.delete(&path).await.is(200);
        assert!(closed.body["closed_at"].is_string());
        site.delete(&path).await.is(200);
        site.patch(&path, &json!({ "name": "x" })).await.refused(409, "closed");
    }

    lists_are_paged_without_gaps_or_repeats(bench) {
        let site = Site::new(bench).await;
        for number in 0..7 {
            site.customer(&format!("Customer {number}")).await;
        }
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let page = site.get(&format!("/v1/accounts?kind=customer&limit=3{next}")).await.is(200);
            let items = page.body["items"].as_array().expect("items").clone();
            assert!(items.len() <= 3);
            seen.extend(items.iter().map(|item| item["name"].as_str().expect("a name").to_owned()));
            if page.body["next"].is_null() {
                break;
            }
            site.customer(&format!("Customer {}", 7 + seen.len())).await;
            next = format!("&cursor={}", page.text("next"));
        }
        let mut once = seen.clone();
        once.dedup();
        assert_eq!(seen, once);
        assert!((0..7).all(|number| seen.contains(&format!("Customer {number}"))), "{seen:?}");
    }

    branch_parent_and_kind_filter_a_list(bench) {
        let site = Site::new(bench).await;
        let partner = site.post("/v1/accounts", &json!({ "kind": "partner", "name": "P" })).await.is(201).text("id");
        let child = json!({ "kind": "customer", "name": "C", "parent": partner });
        site.post("/v1/accounts", &child).await.is(201);
        site.customer("Elsewhere").await;
        let count = |answer: crate::bench::Answer| answer.is(200).body["items"].as_array().map(Vec::len);
        assert_eq!(count(site.get(&format!("/v1/accounts?branch={partner}")).await), Some(2));
        assert_eq!(count(site.get(&format!("/v1/accounts?parent={partner}")).await), Some(1));
        assert_eq!(count(site.get("/v1/accounts?kind=customer").await), Some(2));
        assert_eq!(count(site.get(&format!("/v1/accounts?kind=customer&branch={partner}")).await), Some(1));
    }

    an_update_of_what_was_changed_meanwhile_is_refused(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/accounts/{}", site.customer("C").await);
        let tag = site.get(&path).await.header("etag").to_owned();
        let change = |tag: &str, name: &str| {
            let body = json!({ "name": name });
            site.call(Method::PATCH, &path).with("if-match", tag).json(&body).send()
        };
        let changed = change(&tag, "one").await.is(200);
        change(&tag, "two").await.refused(412, "stale");
        change("\"77-00\"", "three").await.refused(412, "stale");
        change("seven", "four").await.refused(400, "invalid_request");
        assert_eq!(site.get(&path).await.text("name"), "one");
        change(&format!("\"9-x\", {}", changed.header("etag")), "five").await.is(200);
        change("*", "six").await.is(200);
        site.call(Method::DELETE, &path).with("if-match", &tag).send().await.refused(412, "stale");
        assert!(site.get(&path).await.body["closed_at"].is_null());
    }

    what_is_known_already_is_not_sent_again(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/accounts/{}", site.customer("C").await);
        let tag = site.get(&path).await.header("etag").to_owned();
        let again = || site.call(Method::GET, &path).with("if-none-match", &tag).send();
        let same = again().await.is(304);
        assert_eq!((same.header("etag"), same.body.is_null()), (tag.as_str(), true));
        // A hold from above changes what is shown, though nobody touched the account.
        let hold = json!({ "reach": "branch", "cause": "unpaid" });
        site.post(&format!("/v1/accounts/{}/holds", site.bench.root.id), &hold).await.is(201);
        assert_eq!(again().await.is(200).body["held"], true);
    }

    a_rehearsal_answers_and_leaves_nothing(bench) {
        let site = Site::new(bench).await;
        let path = format!("/v1/accounts/{}", site.customer("C").await);
        let before = site.get("/v1/events?limit=100").await.body;
        let new = json!({ "kind": "partner", "name": "Fabrikam" });
        let call = site.call(Method::POST, "/v1/accounts?dry_run=true").key("k-1").json(&new);
        let rehearsed = call.send().await.is(201);
        assert_eq!(rehearsed.header("lessor-dry-run"), "true");
        assert_eq!(rehearsed.text("name"), "Fabrikam");
        let phantom = format!("/v1/accounts/{}", rehearsed.text("id"));
        site.get(&phantom).await.refused(404, "account_unknown");
        site.patch(&format!("{path}?dry_run=true"), &json!({ "name": "D" })).await.is(200);
        assert_eq!(site.get(&path).await.text("name"), "C");
        site.patch(&format!("{path}?dry_run=true"), &json!({ "name": "" })).await.refused(422, "invalid_value");
        assert_eq!(site.get("/v1/events?limit=100").await.body, before);
        // Nor is the key spent.
        let real = site.call(Method::POST, "/v1/accounts").key("k-1").json(&new).send().await.is(201);
        assert_eq!(real.header("idempotency-replayed"), "");
    }

    an_account_moves_with_its_branch(bench) {
        let site = Site::new(bench).await;
        let make = async |parent: &str, kind: &str, name: &str| {
            let body = json!({ "kind": kind, "name": name, "parent": parent });
            site.post("/v1/accounts", &body).await.is(201).text("id")
        };
        let root = site.bench.root.id.to_string();
        let (here, there) = (make(&root, "distributor", "H").await, make(&root, "distributor", "T").await);
        let partner = make(&here, "partner", "P").await;
        let customer = make(&partner, "customer", "C").await;
        let moved = |to: &str| {
            let (path, body) = (format!("/v1/accounts/{partner}/move"), json!({ "parent": to }));
            async move { (path, body) }
        };
        let (path, body) = moved(&there).await;
        assert_eq!(site.post(&path, &body).await.is(200).text("parent"), there);
        let branch = site.get(&format!("/v1/accounts?branch={there}")).await.is(200);
        assert_eq!(branch.body["items"].as_array().map(Vec::len), Some(3));
        let (path, body) = moved(&customer).await;
        site.post(&path, &body).await.refused(409, "move_into_own_branch");
    }

    holds_are_lifted_one_by_one(bench) {
        let site = Site::new(bench).await;
        let account = site.customer("C").await;
        let holds = format!("/v1/accounts/{account}/holds");
        let one = site.post(&holds, &json!({ "reach": "self", "cause": "unpaid" })).await.is(201);
        let two = site.post(&holds, &json!({ "reach": "branch", "cause": "fraud", "note": "?" })).await.is(201);
        assert_eq!(one.header("location"), format!("/v1/holds/{}", one.text("id")));
        let held = async || site.get(&format!("/v1/accounts/{account}")).await.is(200).body["held"].clone();
        let listed = site.get(&holds).await.is(200);
        assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(listed.body["items"][0], one.body);
        let lifted = site.delete(&format!("/v1/holds/{}", one.text("id"))).await.is(200);
        assert!(lifted.body["lifted_at"].is_string());
        assert_eq!(held().await, true);
        site.delete(&format!("/v1/holds/{}", two.text("id"))).await.is(200);
        assert_eq!(held().await, false);
        site.delete("/v1/holds/hld_00000000000000000000000000000000").await.refused(404, "hold_unknown");
    }

    dialects_names_stand_for_ids(bench) {
        let site = Site::new(bench).await;
        let (one, two) = (site.customer("One").await, site.customer("Two").await);
        let name = |alias: &str| json!({ "dialect": "old", "kind": "company", "alias": alias });
        let aliases = format!("/v1/accounts/{one}/aliases");
        site.put(&aliases, &name("41")).await.is(200);
        site.put(&aliases, &name("4 2/x")).await.is(200);
        assert_eq!(site.get(&aliases).await.is(200).body["items"], json!([name("4 2/x")]));
        site.get("/v1/accounts/old:company:41").await.refused(404, "account_unknown");
        assert_eq!(site.get("/v1/accounts/old:company:4%202%2Fx").await.is(200).text("id"), one);
        let below = site.get("/v1/accounts?branch=old:company:4+2/x").await.is(200);
        assert_eq!(below.body["items"][0]["id"], one.as_str());
        site.put(&format!("/v1/accounts/{two}/aliases"), &name("4 2/x")).await.refused(409, "taken");

        let attributes = format!("/v1/accounts/{one}/attributes/billing");
        assert_eq!(site.get(&attributes).await.is(200).body, json!({}));
        site.put(&attributes, &json!({ "debtor": 17 })).await.is(200);
        assert_eq!(site.get(&attributes).await.is(200).body, json!({ "debtor": 17 }));
        site.put(&attributes, &json!([17])).await.refused(400, "invalid_request");
        site.put(&attributes, &json!({ "x": "y".repeat(20_000) })).await.refused(422, "invalid_value");
        let product = site.product("Paint").await;
        site.put(&format!("/v1/products/{product}/aliases"), &name("p")).await.is(200);
        site.get("/v1/products/old:company:p").await.is(200);
    }
}
