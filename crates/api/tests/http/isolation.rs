//! Nobody sees or changes what lies outside their branch.

use crate::bench::{Answer, Site};
use http::Method;
use lessor_core::account::Kind;
use lessor_testkit::on_both_engines;
use serde_json::{Value, json};

/// What of a problem may differ between two ids: the id in the path, and the request.
fn blind(answer: &Answer) -> (u16, Value) {
    let mut body = answer.body.clone();
    body["request_id"] = Value::Null;
    body["instance"] = Value::Null;
    (answer.status.as_u16(), body)
}

/// Ids of one of each, in another branch.
struct Theirs {
    account: String,
    product: String,
    profile: String,
    license: String,
    hold: String,
    key: String,
    user: String,
    group: String,
    end_user: String,
    daemon: String,
    meter: String,
    price_list: String,
    /// Made up: no month was closed.
    statement: String,
    /// Made up likewise.
    reconciliation: String,
    remembered_name: String,
    operation: String,
    agreement: String,
    mail: String,
    order_request: String,
}

async fn theirs(site: &Site) -> Theirs {
    let vendor = site.bench.other_vendor("Other").await;
    let key = site.key_of(vendor.id, None).await;
    let other = site.with_key(key);
    let product = other.product("Theirs").await;
    let account = json!({ "kind": "customer", "name": "C" });
    let account = other.post("/v1/accounts", &account).await.is(201).text("id");
    let profile = json!({ "product": product, "name": "School" });
    let hold = json!({ "reach": "self", "cause": "unpaid" });
    let user = json!({ "name": "Eve", "login": "eve@other.example", "level": "read" });
    let user = other.post("/v1/users", &user).await.is(201).text("id");
    let group = json!({ "kind": "master", "name": "All" });
    let group = other.post("/v1/groups", &group).await.is(201).text("id");
    let end_user = json!({ "group": group, "user_name": "mallory", "password": "long enough" });
    let master = json!({ "product": product, "codes": ["MASTER-1"], "role": "network_master" });
    other.post("/v1/licenses", &master).await.is(201);
    let request = json!({ "request": crate::daemons::request_of(&other, &product, "MASTER-1", 1) });
    let meter = json!({ "name": "calls", "aggregation": "sum" });
    let prices = json!({
        "account": account, "product": product, "name": "P", "currency": "EUR", "from": "2026-01-01",
        "tiers": [{ "from": 1, "price": "1" }],
    });
    let remembered = json!({ "account": account, "system": "crm", "name": "Theirs", "record": product });
    let operation = json!({ "kind": "suspend" });
    let agreement = json!({ "name": "Theirs", "text": "Be kind." });
    Theirs {
        operation: other.post(&format!("/v1/accounts/{account}/operations"), &operation).await.is(202).text("id"),
        agreement: other.post("/v1/agreements", &agreement).await.is(201).text("id"),
        reconciliation: "rcl_00000000000070008000000000000002".into(),
        remembered_name: other.put("/v1/remembered-names", &remembered).await.is(200).text("id"),
        order_request: request_of(&other, vendor.id, &product).await,
        price_list: other.post("/v1/price-lists", &prices).await.is(201).text("id"),
        statement: "stm_00000000000070008000000000000002".into(),
        meter: other.post("/v1/meters", &meter).await.is(201).text("id"),
        daemon: other.post("/v1/daemons", &request).await.is(200).text("daemon"),
        end_user: other.post("/v1/end-users", &end_user).await.is(201).text("id"),
        group,
        profile: other.post("/v1/profiles", &profile).await.is(201).text("id"),
        license: other.license(&product, "T-1").await,
        hold: other.post(&format!("/v1/accounts/{account}/holds"), &hold).await.is(201).text("id"),
        key: other.post("/v1/api-keys", &json!({})).await.is(201).text("id"),
        mail: other.post(&format!("/v1/users/{user}/sign-in-mails"), &json!({})).await.is(201).text("id"),
        user,
        account,
        product,
    }
}

/// A request that waits for the vendor.
async fn request_of(other: &Site, vendor: lessor_core::AccountId, product: &str) -> String {
    let partner = other.bench.account(vendor, Kind::ManagedPartner, "P").await;
    let customer = other.bench.account(partner.id, Kind::Customer, "C").await;
    other.patch(&format!("/v1/accounts/{}/offers", partner.id), &json!({ "add": [product] })).await.is(200);
    other.patch(&format!("/v1/accounts/{}/order-rules", partner.id), &json!({ "by_request": true })).await.is(200);
    let wish = json!({ "customer": customer.id.to_string(), "product": product, "quantity": 1 });
    other.post("/v1/order-requests", &wish).await.is(201).text("id")
}

fn nobodys(theirs: &Theirs) -> Theirs {
    let like = |id: &str| {
        let (prefix, _) = id.split_once('_').expect("a prefix");
        format!("{prefix}_00000000000070008000000000000001")
    };
    Theirs {
        account: like(&theirs.account),
        product: like(&theirs.product),
        profile: like(&theirs.profile),
        license: like(&theirs.license),
        hold: like(&theirs.hold),
        key: like(&theirs.key),
        user: like(&theirs.user),
        group: like(&theirs.group),
        end_user: like(&theirs.end_user),
        daemon: like(&theirs.daemon),
        price_list: like(&theirs.price_list),
        statement: like(&theirs.statement),
        reconciliation: like(&theirs.reconciliation),
        remembered_name: like(&theirs.remembered_name),
        order_request: like(&theirs.order_request),
        operation: like(&theirs.operation),
        agreement: like(&theirs.agreement),
        mail: like(&theirs.mail),
        meter: like(&theirs.meter),
    }
}

/// Every call that names a record of somebody else's, in the path, the query or the body.
fn calls(ids: &Theirs, own: &str, own_product: &str) -> Vec<(Method, String, Value)> {
    let Theirs {
        account,
        product,
        profile,
        license,
        hold,
        key,
        user,
        group,
        end_user,
        daemon,
        meter,
        price_list,
        statement,
        reconciliation,
        remembered_name,
        order_request,
        operation,
        agreement,
        mail,
    } = ids;
    let (get, post, patch, put, delete) = (Method::GET, Method::POST, Method::PATCH, Method::PUT, Method::DELETE);
    let alias = json!({ "dialect": "old", "kind": "thing", "alias": "1" });
    let feature = json!({ "code": "X", "name": "X", "kind": "flag" });
    let new_hold = json!({ "reach": "self", "cause": "x" });
    let new_prices = json!({
        "account": account, "product": own_product, "name": "P", "currency": "EUR", "from": "2026-01-01",
        "tiers": [{ "from": 1, "price": "1" }],
    });
    let new_reconciliation = json!({
        "account": account, "month": "2025-12", "system": "crm", "amount_column": "Amount", "table": "Amount\n1\n",
    });
    let remembered =
        |account: &str, record: &str| json!({ "account": account, "system": "crm", "name": "x", "record": record });
    let none = json!({});
    let call = |method: &Method, path: String, body: &Value| (method.clone(), path, body.clone());
    let days = "from=2026-01-01&until=2026-01-01";
    vec![
        call(&get, format!("/v1/meters/{meter}"), &none),
        call(&get, format!("/v1/meters?vendor={account}"), &none),
        call(&post, "/v1/meters".into(), &json!({ "vendor": account, "name": "x", "aggregation": "sum" })),
        call(&get, format!("/v1/reports/usage?meter={meter}&{days}"), &none),
        call(&get, format!("/v1/reports/usage?meter=calls&account={account}&{days}"), &none),
        call(&get, format!("/v1/usage-records?meter=calls&account={account}&day=2026-01-01"), &none),
        call(&get, format!("/v1/accounts/{account}"), &none),
        call(&patch, format!("/v1/accounts/{account}"), &json!({ "name": "x" })),
        call(&delete, format!("/v1/accounts/{account}"), &none),
        call(&post, format!("/v1/accounts/{account}/move"), &json!({ "parent": own })),
        call(&post, format!("/v1/accounts/{own}/move"), &json!({ "parent": account })),
        call(&get, format!("/v1/accounts/{account}/holds"), &none),
        call(&post, format!("/v1/accounts/{account}/holds"), &new_hold),
        call(&get, format!("/v1/accounts/{account}/operations"), &none),
        call(&post, format!("/v1/accounts/{account}/operations"), &json!({ "kind": "resume" })),
        call(&get, format!("/v1/operations/{operation}"), &none),
        call(&get, format!("/v1/agreements?vendor={account}"), &none),
        call(&get, format!("/v1/agreements?product={product}"), &none),
        call(&get, format!("/v1/agreements?account={account}"), &none),
        call(&post, "/v1/agreements".into(), &json!({ "vendor": account, "name": "x", "text": "x" })),
        call(&post, "/v1/agreements".into(), &json!({ "product": product, "name": "x", "text": "x" })),
        call(&get, format!("/v1/agreements/{agreement}"), &none),
        call(&delete, format!("/v1/agreements/{agreement}"), &none),
        call(&get, format!("/v1/agreements/{agreement}/acceptances"), &none),
        call(&post, format!("/v1/agreements/{agreement}/acceptances"), &none),
        call(&get, format!("/v1/accounts?branch={account}"), &none),
        call(&get, format!("/v1/accounts?parent={account}"), &none),
        call(&get, format!("/v1/price-lists?account={account}"), &none),
        call(&get, format!("/v1/price-lists/{price_list}"), &none),
        call(&post, format!("/v1/price-lists/{price_list}/end"), &json!({ "until": "2026-07-01" })),
        call(&post, "/v1/price-lists".into(), &new_prices),
        call(&get, format!("/v1/statements?account={account}"), &none),
        call(&get, format!("/v1/statements/{statement}"), &none),
        call(&get, format!("/v1/statements/{statement}/check"), &none),
        call(&get, format!("/v1/reports/statement?account={account}&month=2026-01"), &none),
        call(&get, format!("/v1/reports/statements?account={account}&month=2026-01"), &none),
        call(&get, format!("/v1/statements/{statement}/lines"), &none),
        call(&get, format!("/v1/reconciliations?account={account}"), &none),
        call(&post, "/v1/reconciliations".into(), &new_reconciliation),
        call(&get, format!("/v1/reconciliations/{reconciliation}"), &none),
        call(&get, format!("/v1/reconciliations/{reconciliation}/rows"), &none),
        call(&delete, format!("/v1/reconciliations/{reconciliation}"), &none),
        call(&get, format!("/v1/remembered-names?account={account}"), &none),
        call(&put, "/v1/remembered-names".into(), &remembered(account, own_product)),
        call(&put, "/v1/remembered-names".into(), &remembered(own, account)),
        call(&put, "/v1/remembered-names".into(), &remembered(own, product)),
        call(&put, "/v1/remembered-names".into(), &remembered(own, license)),
        call(&put, "/v1/remembered-names".into(), &remembered(own, meter)),
        call(&delete, format!("/v1/remembered-names/{remembered_name}"), &none),
        call(&post, "/v1/closings".into(), &json!({ "vendor": account, "month": "2025-12" })),
        call(&get, format!("/v1/reports/seat-days?account={account}&{days}"), &none),
        call(&get, format!("/v1/reports/seat-days?license={license}&{days}"), &none),
        call(&get, format!("/v1/reports/seat-days?account={account}&each=license&format=csv&{days}"), &none),
        call(&post, "/v1/accounts".into(), &json!({ "kind": "customer", "name": "x", "parent": account })),
        call(&get, format!("/v1/accounts/{account}/aliases"), &none),
        call(&put, format!("/v1/accounts/{account}/aliases"), &alias),
        call(&get, format!("/v1/accounts/{account}/attributes/x"), &none),
        call(&put, format!("/v1/accounts/{account}/attributes/x"), &none),
        call(&delete, format!("/v1/holds/{hold}"), &none),
        call(&get, format!("/v1/products?vendor={account}"), &none),
        call(&post, "/v1/products".into(), &json!({ "vendor": account, "name": "x" })),
        call(&get, format!("/v1/products/{product}"), &none),
        call(&patch, format!("/v1/products/{product}"), &json!({ "name": "x" })),
        call(&post, format!("/v1/products/{product}/features"), &feature),
        call(&patch, format!("/v1/products/{product}/features/PDF"), &json!({ "name": "x" })),
        call(&delete, format!("/v1/products/{product}/features/PDF"), &none),
        call(&get, format!("/v1/products/{product}/feature-groups"), &none),
        call(&post, format!("/v1/products/{product}/feature-groups"), &json!({ "name": "x" })),
        call(&patch, format!("/v1/products/{product}/feature-groups/Export"), &json!({ "name": "x" })),
        call(&delete, format!("/v1/products/{product}/feature-groups/Export"), &none),
        call(&post, format!("/v1/products/{product}/values"), &json!({ "name": "x", "value": "y" })),
        call(&patch, format!("/v1/products/{product}/values/edition"), &json!({ "value": "x" })),
        call(&delete, format!("/v1/products/{product}/values/edition"), &none),
        call(&get, format!("/v1/consumer-records?product={product}"), &none),
        call(
            &post,
            "/v1/consumer-records".into(),
            &json!({ "product": product, "device": "workstation-17", "document": {} }),
        ),
        call(&post, format!("/v1/products/{product}/acquire"), &none),
        call(&get, format!("/v1/products/{product}/aliases"), &none),
        call(&put, format!("/v1/products/{product}/aliases"), &alias),
        call(&get, format!("/v1/products/{product}/attributes/x"), &none),
        call(&put, format!("/v1/products/{product}/attributes/x"), &none),
        call(&get, format!("/v1/price-categories?vendor={account}"), &none),
        call(&post, "/v1/price-categories".into(), &json!({ "vendor": account, "name": "x" })),
        call(&get, format!("/v1/products/{product}/price-categories"), &none),
        call(&put, format!("/v1/products/{product}/price-categories"), &json!({ "price_categories": [] })),
        call(&get, format!("/v1/server-functions?vendor={account}"), &none),
        call(&post, "/v1/server-functions".into(), &json!({ "vendor": account, "name": "x" })),
        call(&get, format!("/v1/profiles?product={product}"), &none),
        call(&get, format!("/v1/profiles?vendor={account}"), &none),
        call(&post, "/v1/profiles".into(), &json!({ "product": product, "name": "x" })),
        call(&post, "/v1/profiles".into(), &json!({ "product": own_product, "name": "x", "reseller": account })),
        call(&get, format!("/v1/profiles/{profile}"), &none),
        call(&patch, format!("/v1/profiles/{profile}"), &json!({ "name": "x" })),
        call(&get, format!("/v1/licenses?branch={account}"), &none),
        call(&post, "/v1/licenses".into(), &json!({ "product": product, "generate": 1 })),
        call(&post, "/v1/licenses".into(), &json!({ "product": own_product, "generate": 1, "account": account })),
        call(&post, "/v1/licenses".into(), &json!({ "product": own_product, "generate": 1, "profile": profile })),
        call(&get, format!("/v1/licenses/{license}"), &none),
        call(&patch, format!("/v1/licenses/{license}"), &json!({ "order": "x" })),
        call(&delete, format!("/v1/licenses/{license}"), &none),
        call(&get, format!("/v1/licenses/{license}/holds"), &none),
        call(&post, format!("/v1/licenses/{license}/holds"), &json!({ "cause": "x" })),
        call(&get, format!("/v1/licenses/{license}/notes"), &none),
        call(&post, format!("/v1/licenses/{license}/notes"), &json!({ "text": "x" })),
        call(&patch, format!("/v1/licenses/{license}/notes/1"), &json!({ "text": "x" })),
        call(&delete, format!("/v1/licenses/{license}/notes/1"), &none),
        call(&get, format!("/v1/licenses/{license}/segments"), &none),
        call(&post, format!("/v1/licenses/{license}/extend-trial"), &json!({ "days": 1 })),
        call(&post, format!("/v1/licenses/{license}/convert"), &json!({ "quantity": 1 })),
        call(&post, format!("/v1/licenses/{license}/end-trial"), &none),
        call(&put, format!("/v1/licenses/{license}/quantity"), &json!({ "quantity": 1 })),
        call(&post, format!("/v1/licenses/{license}/exchange"), &json!({ "product": own_product, "quantity": 1 })),
        call(&get, format!("/v1/products/{product}/exchanges"), &none),
        call(&put, format!("/v1/products/{product}/exchanges"), &json!({ "exchanges": [] })),
        call(
            &put,
            format!("/v1/products/{own_product}/exchanges"),
            &json!({ "exchanges": [{ "to": product, "direction": "upgrade" }] }),
        ),
        call(&get, format!("/v1/products/{product}/bundle"), &none),
        call(&put, format!("/v1/products/{product}/bundle"), &json!({ "products": [] })),
        call(&put, format!("/v1/products/{own_product}/bundle"), &json!({ "products": [product] })),
        call(&get, format!("/v1/accounts/{account}/offers"), &none),
        call(&patch, format!("/v1/accounts/{account}/offers"), &json!({ "add": [own_product] })),
        call(&patch, format!("/v1/accounts/{own}/offers"), &json!({ "add": [product] })),
        call(&get, format!("/v1/accounts/{account}/order-rules"), &none),
        call(&patch, format!("/v1/accounts/{account}/order-rules"), &json!({ "trials_allowed": true })),
        call(&post, "/v1/orders".into(), &json!({ "customer": account, "product": own_product, "quantity": 1 })),
        call(&post, "/v1/orders".into(), &json!({ "customer": own, "product": product, "quantity": 1 })),
        call(&get, format!("/v1/order-requests?branch={account}"), &none),
        call(
            &post,
            "/v1/order-requests".into(),
            &json!({ "customer": account, "product": own_product, "quantity": 1 }),
        ),
        call(&get, format!("/v1/order-requests/{order_request}"), &none),
        call(&post, format!("/v1/order-requests/{order_request}/approve"), &none),
        call(&post, format!("/v1/order-requests/{order_request}/refuse"), &none),
        call(&get, format!("/v1/licenses/{license}/activations"), &none),
        call(&post, format!("/v1/licenses/{license}/activations/return-all"), &none),
        call(&put, format!("/v1/licenses/{license}/tokens/TOKEN"), &json!({ "limit": 1 })),
        call(&get, format!("/v1/licenses/{license}/aliases"), &none),
        call(&put, format!("/v1/licenses/{license}/aliases"), &alias),
        call(&get, format!("/v1/licenses/{license}/attributes/x"), &none),
        call(&put, format!("/v1/licenses/{license}/attributes/x"), &none),
        call(&get, format!("/v1/products/{product}/signing-keys"), &none),
        call(&post, format!("/v1/products/{product}/signing-keys"), &none),
        call(&delete, format!("/v1/products/{product}/signing-keys/5fd924625f6ab16a"), &none),
        call(&delete, format!("/v1/products/{product}/signing-keys/nonsense"), &none),
        call(&post, format!("/v1/products/{product}/licenses/import"), &json!([{ "code": "X-1" }])),
        call(&post, "/v1/passive-licenses".into(), &json!({ "product": product, "client_id": "instrument-1" })),
        call(
            &post,
            "/v1/passive-licenses".into(),
            &json!({ "product": own_product, "client_id": "instrument-1", "account": account }),
        ),
        call(
            &post,
            "/v1/passive-licenses".into(),
            &json!({ "product": own_product, "client_id": "instrument-1", "profile": profile }),
        ),
        call(&get, format!("/v1/groups?branch={account}"), &none),
        call(&get, format!("/v1/groups?master={group}"), &none),
        call(&post, "/v1/groups".into(), &json!({ "name": "x", "account": account })),
        call(&post, "/v1/groups".into(), &json!({ "name": "x", "master": group })),
        call(&get, format!("/v1/groups/{group}"), &none),
        call(&patch, format!("/v1/groups/{group}"), &json!({ "name": "x" })),
        call(&delete, format!("/v1/groups/{group}"), &none),
        call(&get, format!("/v1/groups/{group}/licenses"), &none),
        call(&post, format!("/v1/groups/{group}/licenses"), &json!({ "license": license })),
        call(&delete, format!("/v1/groups/{group}/licenses/{license}"), &none),
        call(&get, format!("/v1/end-users?branch={account}"), &none),
        call(&get, format!("/v1/end-users?group={group}"), &none),
        call(&post, "/v1/end-users".into(), &json!({ "group": group, "user_name": "x", "password": "long enough" })),
        call(&get, format!("/v1/end-users/{end_user}"), &none),
        call(&patch, format!("/v1/end-users/{end_user}"), &json!({ "master": true })),
        call(&delete, format!("/v1/end-users/{end_user}"), &none),
        call(&put, format!("/v1/end-users/{end_user}/password"), &json!({ "password": "long enough" })),
        call(&post, format!("/v1/end-users/{end_user}/unblock"), &none),
        call(&get, format!("/v1/analytics?branch={account}"), &none),
        call(&get, format!("/v1/analytics?product={product}"), &none),
        call(&get, format!("/v1/analytics?license={license}"), &none),
        call(&get, format!("/v1/stream-records?vendor={account}"), &none),
        call(&get, format!("/v1/stream-records?product={product}"), &none),
        call(&post, "/v1/stream-records".into(), &json!({ "vendor": account, "name": "x" })),
        call(&post, "/v1/stream-records".into(), &json!({ "product": product, "name": "x" })),
        call(&get, format!("/v1/daemons?product={product}"), &none),
        call(&delete, format!("/v1/daemons/{daemon}"), &none),
        call(&get, format!("/v1/trials?vendor={account}"), &none),
        call(&get, format!("/v1/trials?product={product}"), &none),
        call(&get, format!("/v1/api-keys?account={account}"), &none),
        call(&post, "/v1/api-keys".into(), &json!({ "account": account })),
        call(&delete, format!("/v1/api-keys/{key}"), &none),
        call(&get, format!("/v1/users?account={account}"), &none),
        call(&post, "/v1/users".into(), &json!({ "account": account, "name": "x", "login": "x", "level": "read" })),
        call(&get, format!("/v1/users/{user}"), &none),
        call(&delete, format!("/v1/users/{user}"), &none),
        call(&get, format!("/v1/users/{user}/permissions"), &none),
        call(&put, format!("/v1/users/{user}/permissions/{own}"), &json!({ "level": "read" })),
        call(&delete, format!("/v1/users/{user}/permissions/{own}"), &none),
        call(&put, format!("/v1/users/{user}/password"), &json!({ "password": "a sentence of my own" })),
        call(&post, format!("/v1/users/{user}/unblock"), &none),
        call(&post, format!("/v1/users/{user}/sign-in-links"), &none),
        call(&patch, format!("/v1/users/{user}"), &json!({ "name": "x" })),
        call(&post, format!("/v1/users/{user}/sign-in-mails"), &none),
        call(&get, format!("/v1/mails?account={account}"), &none),
        call(&get, format!("/v1/mails/{mail}"), &none),
        call(&post, format!("/v1/mails/{mail}/send-again"), &none),
    ]
}

async fn send(site: &Site, key: &str, (method, path, body): &(Method, String, Value)) -> Answer {
    let call = site.call(method.clone(), path).by(key);
    let call = if *method == Method::GET || *method == Method::DELETE { call } else { call.json(body) };
    call.send().await
}

on_both_engines! {
    another_branch_is_answered_like_one_that_never_was(bench) {
        let site = Site::new(bench).await;
        let theirs = theirs(&site).await;
        let nobodys = nobodys(&theirs);
        // A key of the root account reaches its own tenant alone: the other vendor stands in a tree of its own.
        let own = site.bench.account(site.bench.root.id, Kind::Customer, "Own").await;
        let own_product = site.product("Own").await;
        let own = own.id.to_string();
        let pairs = calls(&theirs, &own, &own_product).into_iter().zip(calls(&nobodys, &own, &own_product));
        for (real, unreal) in pairs {
            let (real_answer, unreal_answer) = (send(&site, &site.key, &real).await, send(&site, &site.key, &unreal).await);
            assert_eq!(real_answer.status.as_u16(), 404, "{} {}: {}", real.0, real.1, real_answer.body);
            assert_eq!(blind(&real_answer), blind(&unreal_answer), "{} {}", real.0, real.1);
        }
    }

    no_operation_that_names_a_record_is_left_out(bench) {
        let site = Site::new(bench).await;
        let (ids, own) = (nobodys(&theirs(&site).await), site.bench.root.id.to_string());
        let tried: Vec<_> = calls(&ids, &own, &own).into_iter().map(|(method, path, _)| (method, path)).collect();
        let document = lessor_api::native_openapi(true);
        for (template, item) in document["paths"].as_object().expect("paths") {
            for verb in item.as_object().expect("operations").keys().filter(|_| template.contains('{')) {
                let is_tried = tried.iter().any(|(method, path)| {
                    method.as_str().eq_ignore_ascii_case(verb) && crate::truth::fits(template, path)
                });
                assert!(is_tried, "{verb} {template}");
            }
        }
    }

    lists_show_nothing_of_other_branches(bench) {
        let site = Site::new(bench).await;
        let theirs = theirs(&site).await;
        let partner = site.bench.account(site.bench.root.id, Kind::Partner, "P").await;
        let sister = site.bench.account(site.bench.root.id, Kind::Partner, "Sister").await;
        let product = site.product("Paint").await;
        let issue = json!({ "product": product, "account": sister.id.to_string(), "codes": ["SISTER-1"] });
        site.post("/v1/licenses", &issue).await.is(201);
        for key in [site.key_of(partner.id, None).await, site.key.clone()] {
            for path in ["/v1/accounts", "/v1/licenses", "/v1/events?limit=100", "/v1/products", "/v1/api-keys", "/v1/users", "/v1/groups", "/v1/end-users", "/v1/daemons"] {
                let shown = site.call(Method::GET, path).by(&key).send().await.is(200).body.to_string();
                for id in [&theirs.account, &theirs.license, &theirs.product, &theirs.key, &theirs.user, &theirs.group, &theirs.end_user, &theirs.daemon] {
                    assert!(!shown.contains(id.as_str()), "{path} shows {id}");
                }
                let own = key == site.key;
                assert!(own || !shown.contains(&sister.id.to_string()), "{path} shows the sister");
            }
        }
        let event = format!("/v1/events?subject={}", theirs.license);
        assert_eq!(site.get(&event).await.is(200).body["items"], json!([]));
    }
}
