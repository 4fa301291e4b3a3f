//! For each command: whichever of its statements fails, nothing remains.

use lessor_core::account::{self, CreateAccount, HoldTarget, Kind, LiftHold, MoveAccount, PlaceHold, Reach};
use lessor_core::catalog::{
    self, ChangeProfile, ChangeValue, CreateProfile, FeatureSetting, NewGroup, SettingsChange, ValueSetting,
};
use lessor_core::device::{
    self, AnalyticsKind, Draw, IssuePassive, NewAnalyticsEvent, NewConsumerRecord, PutText, Renew, TokenUse,
};
use lessor_core::group::{self, ChangeEndUser, ChangeGroup, CreateEndUser, CreateGroup, GroupKind};
use lessor_core::idempotency::{self, Answer, RequestKey};
use lessor_core::identity::api_key::{self, CreateApiKey};
use lessor_core::journal;
use lessor_core::license::{
    self, Acquire, ChangeLicense, ChangeNote, Codes, NewNote, NoteKind, SetTokens, TermChange, TermKind, Terms,
    TermsChange,
};
use lessor_core::schema::TABLES;
use lessor_core::{Actor, Caller, Context, Error, StoreError, Tx};
use lessor_db::dump::{self, TableDigest};
use lessor_lease::{OfflineRequest, ReturnProof, Signer, VERSION};
use lessor_testkit::fault::Faulty;
use lessor_testkit::world::{activate_on, device, issue_of, new_product};
use lessor_testkit::{Bench, on_both_engines};

/// No command of ours has more statements on what these tests give it.
const MOST: u32 = 300;

fn digests(bench: &Bench) -> Vec<TableDigest> {
    let store = bench.app.store().clone();
    // A thread of its own: outside the runtime.
    std::thread::spawn(move || dump::digests(&store, TABLES).expect("digests")).join().expect("digests")
}

/// Fails each statement of a command in turn and finds nothing changed; then lets it succeed.
pub async fn survives<T, F>(bench: &Bench, caller: Caller, command: F) -> T
where
    T: Send + 'static,
    F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Clone + Send + 'static,
{
    let before = digests(bench);
    for n in 1..MOST {
        let command = command.clone();
        let outcome = bench
            .app
            .write(&caller, move |tx, cx| {
                let mut tx = Faulty::new(tx, n);
                let done = command(&mut tx, cx)?;
                assert!(!tx.has_failed(), "a failed statement was passed over");
                Ok(done)
            })
            .await;
        match outcome {
            Ok(done) => {
                assert!(n > 3, "a command has statements");
                assert_ne!(digests(bench), before, "a command changes something");
                return done;
            }
            Err(Error::Store(StoreError::Statement { message, .. })) if message == "failed on purpose" => {
                assert_eq!(digests(bench), before, "after the failure of statement {n}");
            }
            Err(error) => panic!("statement {n}: {error}"),
        }
    }
    panic!("it never came to an end")
}

fn feature(code: &str, limit: Option<i64>) -> FeatureSetting {
    FeatureSetting { code: code.into(), enabled: Some(true), limit }
}

on_both_engines! {
    catalog_commands_leave_nothing_behind(bench) {
        let system = || bench.app.system();
        let cmd = new_product(&bench, "Paint");
        let product = survives(&bench, system(), move |tx, cx| catalog::create_product(tx, cx, &cmd)).await;
        let settings = SettingsChange {
            features: vec![feature("FLAG", None), feature("FLOAT", Some(3))],
            values: vec![ValueSetting { name: "colour".into(), value: "red".into() }],
            functions: Vec::new(),
        };
        let cmd = CreateProfile {
            product: product.id,
            name: "gold".into(),
            reseller: None,
            enabled: true,
            acquired: false,
            terms: Terms::default(),
            settings: settings.clone(),
        };
        let gold = survives(&bench, system(), move |tx, cx| catalog::create_profile(tx, cx, &cmd)).await;
        let cmd = issue_of(product.id, Some(gold.id), Codes::Import(vec!["A-1".into(), "A-2".into()]));
        survives(&bench, system(), move |tx, cx| license::issue(tx, cx, &cmd)).await;
        let cmd = ChangeProfile {
            profile: gold.id,
            name: Some("platinum".into()),
            reseller: None,
            enabled: Some(false),
            acquired: None,
            terms: TermsChange { activation_limit: Some(7), ..TermsChange::default() },
            settings,
            push: true,
        };
        survives(&bench, system(), move |tx, cx| catalog::change_profile(tx, cx, &cmd)).await;
        let id = product.id;
        survives(&bench, system(), move |tx, cx| catalog::remove_feature(tx, cx, id, "FLOAT")).await;
    }

    what_else_a_product_has_comes_changes_and_goes_whole(bench) {
        let system = || bench.app.system();
        let id = bench.product("Paint").await.id;
        let license = bench.license(id, Terms::default()).await.id;
        let mut own = ChangeLicense::of(license);
        own.settings.values = vec![ValueSetting { name: "colour".into(), value: "red".into() }];
        bench.change(own).await.expect("a value of its own");
        let group = |name: &str| NewGroup { name: name.into(), notes: "n".into() };
        let new = vec![group("A"), group("B")];
        survives(&bench, system(), move |tx, cx| catalog::add_feature_groups(tx, cx, id, &new)).await;
        let change = |name: &str, to: &str| catalog::ChangeGroup {
            name: name.into(), new_name: Some(to.into()), notes: Some("m".into()),
        };
        let changes = vec![change("Things", "Other things"), change("A", "C")];
        survives(&bench, system(), move |tx, cx| catalog::change_feature_groups(tx, cx, id, &changes)).await;
        survives(&bench, system(), move |tx, cx| catalog::remove_feature_group(tx, cx, id, "Other things")).await;
        let new = vec![("size".to_owned(), "A4".to_owned()), ("paper".into(), String::new())];
        survives(&bench, system(), move |tx, cx| catalog::add_values(tx, cx, id, &new)).await;
        let change = |name: &str, to: &str| ChangeValue { name: name.into(), new_name: Some(to.into()), value: Some("v".into()) };
        let changes = vec![change("size", "format"), change("colour", "ink")];
        survives(&bench, system(), move |tx, cx| catalog::change_values(tx, cx, id, &changes)).await;
        survives(&bench, system(), move |tx, cx| catalog::remove_value(tx, cx, id, "ink")).await;
        let note = NewNote { kind: NoteKind::General, text: "one".into() };
        let note = survives(&bench, system(), move |tx, cx| license::add_note(tx, cx, license, &note)).await;
        let change = ChangeNote { license, number: note.number, kind: None, text: Some("two".into()) };
        survives(&bench, system(), move |tx, cx| license::change_note(tx, cx, &change)).await;
        survives(&bench, system(), move |tx, cx| license::delete_notes(tx, cx, license, Some(note.number))).await;
        let record = NewConsumerRecord {
            product: id, fingerprint: device(1), license_code: String::new(), document: serde_json::json!({}),
        };
        survives(&bench, system(), move |tx, cx| device::add_consumer_record(tx, cx, &record)).await;
    }

    license_commands_leave_nothing_behind(bench) {
        let system = || bench.app.system();
        let product = bench.product("Paint").await;
        let customer = bench.account(bench.root.id, Kind::Customer, "Customer").await;
        let cmd = issue_of(product.id, None, Codes::Generate(2));
        survives(&bench, system(), move |tx, cx| license::issue(tx, cx, &cmd)).await;
        let cmd = Acquire { product: product.id, profile: None, amount: 2 };
        let id = survives(&bench, system(), move |tx, cx| license::acquire(tx, cx, &cmd)).await[0].0;
        let (passed, _) = bench.issue(product.id, None, 1).await.remove(0);
        let mut first = ChangeLicense::of(id);
        first.notes.add = vec![NewNote { kind: NoteKind::General, text: "one".into() }];
        bench.change(first).await.expect("a note");
        bench.pass_hours(1);

        let mut cmd = ChangeLicense::of(id);
        cmd.account = Some(Some(customer.id));
        cmd.enabled = Some(false);
        cmd.acquired = Some(false);
        cmd.profile = Some(None);
        cmd.inherit = true;
        cmd.order = Some("order-2".into());
        cmd.terms.term = Some(TermChange { kind: TermKind::Subscription, days: Some(10), end: None });
        cmd.terms.activation_limit = Some(5);
        cmd.settings.features = vec![feature("FLAG", None), feature("POOL", Some(4))];
        cmd.settings.values = vec![ValueSetting { name: "colour".into(), value: "red".into() }];
        cmd.notes.delete = vec![1];
        cmd.notes.add = vec![NewNote { kind: NoteKind::System, text: "two".into() }];
        survives(&bench, system(), move |tx, cx| license::change(tx, cx, &cmd)).await;
        let cmd = SetTokens {
            license: id, feature: "TOKEN".into(), limit: Some(9), checked_out: Some((device(1), 4)),
        };
        survives(&bench, system(), move |tx, cx| license::set_tokens(tx, cx, &cmd)).await;
        let cmd = PlaceHold { target: HoldTarget::License(id), reach: Reach::Own, cause: "x".into(), note: String::new() };
        let hold = survives(&bench, system(), move |tx, cx| account::place(tx, cx, &cmd)).await.id;
        bench.pass_hours(1);
        survives(&bench, system(), move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await;
        let owner = customer.id;
        survives(&bench, system(), move |tx, cx| license::give_back_all(tx, cx, owner)).await;
        survives(&bench, system(), move |tx, cx| license::remove(tx, cx, id)).await;
        survives(&bench, system(), move |tx, cx| license::remove(tx, cx, passed)).await;
        survives(&bench, system(), journal::seal).await;
        let request = RequestKey { caller: "c".into(), route: "r".into(), key: "k".into(), fingerprint: [1; 32] };
        let cmd = issue_of(product.id, None, Codes::Generate(1));
        let once = move |tx: &mut dyn Tx, cx: &Context<'_>| {
            idempotency::once(tx, cx, &request, |tx| {
                let body = license::issue(tx, cx, &cmd)?.remove(0).1;
                Ok(Answer { status: 201, body })
            })
        };
        survives(&bench, bench.app.system(), once).await;
    }

    device_commands_leave_nothing_behind(bench) {
        let online = || bench.caller(Actor::device());
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 3, ..Terms::default() }).await;
        bench.activate(activate_on(product.id, None, &device(1))).await.expect("a trial to convert");
        let mut cmd = activate_on(product.id, Some(&license.code), &device(1));
        cmd.device.public_key = Some(Signer::from_seed([1; 32]).public_key().to_bytes());
        cmd.system = Some(serde_json::json!({ "os": "Plan 9" }));
        cmd.consumer = Some(serde_json::json!({ "email": "a@b" }));
        let (leased, _) = survives(&bench, online(), move |tx, cx| device::activate(tx, cx, &cmd)).await;
        let activation = leased.activation.id;
        let secret = bench.app.secret().device_secret(activation, 1);
        let credential = device::DeviceCredential { activation, secret };
        let renew = Renew { device: credential.clone(), number: None, clock_set_back: None };
        survives(&bench, online(), move |tx, cx| device::renew(tx, cx, &renew)).await;
        let me = credential.clone();
        survives(&bench, online(), move |tx, cx| device::check_out_seats(tx, cx, &me, "FLOAT", 2)).await;
        let me = credential.clone();
        let draw = Draw { feature: "POOL".into(), amount: 3 };
        survives(&bench, online(), move |tx, cx| device::draw_elements(tx, cx, &me, &draw)).await;
        let me = credential.clone();
        survives(&bench, online(), move |tx, cx| device::check_out_tokens(tx, cx, &me, "TOKEN", 4)).await;
        let me = credential.clone();
        let used = TokenUse { feature: "TOKEN".into(), give_back: 1, consumed: 2 };
        survives(&bench, online(), move |tx, cx| device::return_tokens(tx, cx, &me, &used)).await;
        let me = credential.clone();
        survives(&bench, online(), move |tx, cx| device::give_back(tx, cx, &me)).await;
        bench.activate(activate_on(product.id, Some(&license.code), &device(2))).await.expect("a place");
        let id = license.id;
        survives(&bench, bench.app.system(), move |tx, cx| device::return_all(tx, cx, id)).await;
        survives(&bench, bench.app.system(), move |tx, cx| device::erase_activities(tx, cx, id, None)).await;
    }

    trials_and_offline_commands_leave_nothing_behind(bench) {
        let product = bench.product("Paint").await;
        let license = bench.license(product.id, Terms { activation_limit: 3, ..Terms::default() }).await;
        let cmd = activate_on(product.id, None, &device(1));
        survives(&bench, bench.caller(Actor::device()), move |tx, cx| device::activate(tx, cx, &cmd)).await;
        bench.pass_hours(24 * 40);
        survives(&bench, bench.app.system(), device::tell_lapsed).await;
        let (id, name) = (product.id, device(1));
        survives(&bench, bench.app.system(), move |tx, cx| device::delete_trial(tx, cx, id, &name)).await;

        let key = Signer::from_seed([5; 32]);
        let request = OfflineRequest {
            v: VERSION,
            product: product.id.to_string(),
            license: Some(license.code),
            device: device(5),
            device_key: key.public_key().to_hex(),
            user: String::new(),
            request: "0".repeat(32),
            created: bench.app.now().seconds(),
            device_name: String::new(),
            system: Some(serde_json::json!({ "os": "Plan 9" })),
            consumer: None,
        };
        let text = request.sign(&key).expect("a request").to_string();
        let given = text.clone();
        survives(&bench, bench.app.system(), move |tx, cx| device::offline_activate(tx, cx, None, &given)).await;
        let id = license.id;
        let activation = bench.read(move |tx, cx| license::activities(tx, cx, id, true, lessor_core::Start::FIRST, 1)).await.expect("one").remove(0);
        let proof = ReturnProof {
            v: VERSION, activation: activation.id.to_string(), device: device(5), created: 0, number: 1,
        };
        let text = proof.sign(&key).expect("a proof").to_string();
        survives(&bench, bench.app.system(), move |tx, cx| device::offline_return(tx, cx, None, &text)).await;
    }

    account_commands_leave_nothing_behind(bench) {
        let system = || bench.app.system();
        let below = |name: &str| CreateAccount {
            id: None, parent: Some(bench.root.id), kind: Kind::Partner, name: name.into(), contact: serde_json::json!({}),
        };
        let cmd = below("One");
        let one = survives(&bench, system(), move |tx, cx| account::create(tx, cx, &cmd)).await.id;
        let two = bench.account(bench.root.id, Kind::Partner, "Two").await.id;
        bench.account(one, Kind::Customer, "Below one").await;
        let cmd = MoveAccount { account: one, parent: two };
        survives(&bench, system(), move |tx, cx| account::move_to(tx, cx, &cmd)).await;
        let cmd = PlaceHold { target: HoldTarget::Account(two), reach: Reach::Branch, cause: "x".into(), note: String::new() };
        let hold = survives(&bench, system(), move |tx, cx| account::place(tx, cx, &cmd)).await.id;
        survives(&bench, system(), move |tx, cx| account::lift(tx, cx, &LiftHold { hold })).await;
        let cmd = CreateApiKey {
            account: two, label: "portal".into(), rights: None, form: api_key::KeyForm::Native, expires_at: None,
        };
        survives(&bench, system(), move |tx, cx| api_key::create(tx, cx, &cmd)).await;
    }

    people_commands_leave_nothing_behind(bench) {
        let system = || bench.app.system();
        let product = bench.product("Paint").await;
        let (license, _) = bench.issue(product.id, None, 1).await.remove(0);
        let new = |kind, master, name: &str| CreateGroup {
            account: bench.root.id, kind, master, name: name.into(), description: String::new(),
        };
        let cmd = new(GroupKind::Master, None, "All");
        let master = survives(&bench, system(), move |tx, cx| group::create(tx, cx, &cmd)).await.id;
        let cmd = new(GroupKind::Standard, Some(master), "North");
        let north = survives(&bench, system(), move |tx, cx| group::create(tx, cx, &cmd)).await.id;
        let mut cmd = ChangeGroup::of(north);
        cmd.description = Some("Third floor".into());
        survives(&bench, system(), move |tx, cx| group::change(tx, cx, &cmd)).await;
        let cmd = CreateEndUser {
            group: north,
            user_name: "ada".into(),
            password_hash: "$argon2id$".into(),
            first_name: String::new(),
            last_name: String::new(),
            email: String::new(),
            telephone: String::new(),
            document: Some(serde_json::json!({})),
            master: false,
        };
        let ada = survives(&bench, system(), move |tx, cx| group::create_end_user(tx, cx, &cmd)).await.id;
        let mut cmd = ChangeEndUser::of(ada);
        cmd.group = Some(master);
        survives(&bench, system(), move |tx, cx| group::change_end_user(tx, cx, &cmd)).await;
        survives(&bench, system(), move |tx, cx| group::set_password(tx, cx, ada, "$argon2id$x")).await;
        survives(&bench, system(), move |tx, cx| group::add_license(tx, cx, north, license)).await;
        survives(&bench, system(), move |tx, cx| group::remove_license(tx, cx, north, license)).await;
        survives(&bench, system(), move |tx, cx| group::add_license(tx, cx, north, license)).await;
        survives(&bench, system(), move |tx, cx| group::delete(tx, cx, north)).await;
        survives(&bench, system(), move |tx, cx| group::delete_end_user(tx, cx, ada)).await;
    }

    commands_on_keys_and_what_programs_keep_leave_nothing_behind(bench) {
        let system = || bench.app.system();
        let product = bench.product("Paint").await.id;
        let license = bench.license(product, Terms::default()).await;
        let first = bench.read(move |tx, cx| catalog::signing_keys(tx, cx, product)).await.expect("keys")[0].id;
        survives(&bench, system(), move |tx, cx| catalog::rotate_key(tx, cx, product)).await;
        survives(&bench, system(), move |tx, cx| catalog::retire_key(tx, cx, product, first)).await;
        let held = bench.activate(activate_on(product, Some(&license.code), &device(1))).await.expect("activated");
        let online = || bench.caller(Actor::device());
        let (me, put) = (held.credential.clone(), PutText { feature: "STORE".into(), text: "one".into(), versions: None });
        survives(&bench, online(), move |tx, cx| device::put_text(tx, cx, &me, &put)).await;
        let event = |name: &str| NewAnalyticsEvent {
            name: name.into(), kind: AnalyticsKind::AppStarted, feature: None, transaction: None, at: bench.app.now(), data: None,
        };
        let (me, events) = (held.credential.clone(), vec![event("1"), event("2")]);
        survives(&bench, online(), move |tx, cx| device::record_events(tx, cx, &me, &events)).await;
        let cmd = IssuePassive {
            product,
            client_id: "instrument-1".into(),
            account: None,
            profile: None,
            features: vec!["FLAG".into()],
            values: Vec::new(),
        };
        survives(&bench, system(), move |tx, cx| device::issue_passive(tx, cx, &cmd)).await;
        let id = license.id;
        survives(&bench, system(), move |tx, cx| license::remove(tx, cx, id)).await;
    }
}
