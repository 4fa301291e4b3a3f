//! Programs under license in C and in Python, against the running server.

use crate::program::Demo;
use lessor_testkit::Engine;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

const CODE: &str = "PAINT-0001";

/// The folder of the workspace.
fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace")
}

/// Where the client library is that programs link: it is built with the tests of the workspace, and here where only this
/// package's were.
fn client_library() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_lessor")).parent().expect("a folder").to_owned();
    let file = format!("{}lessorclient{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let built = target.join("deps");
    if built.join(&file).exists() {
        return built;
    }
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "lessor-client-c", "--target-dir"]);
    build.arg(target.parent().expect("the target folder")).current_dir(workspace());
    if target.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status().expect("cargo runs").success(), "the library is built");
    target
}

/// A product with something of everything, and a license for it; gives the product's id.
fn product(demo: &Demo) -> String {
    let product = json!({
        "name": "Paint",
        "terms": { "online_lease_hours": 24, "activation_limit": 2 },
        "features": [
            { "code": "FLOAT", "name": "Floating", "kind": "floating", "enabled": true, "limit": 3 },
            { "code": "EPOOL", "name": "Pool", "kind": "pool", "enabled": true, "limit": 5 },
            { "code": "TOKEN", "name": "Tokens", "kind": "tokens", "enabled": true, "limit": 1000 },
            { "code": "NOTES", "name": "Notes", "kind": "store", "enabled": true },
        ],
        "values": [{ "name": "edition", "value": "studio" }],
    });
    let made = demo.native("POST", "/v1/products", Some(product)).ok();
    let id = made["id"].as_str().expect("an id").to_owned();
    demo.native("POST", "/v1/licenses", Some(json!({ "product": id, "codes": [CODE] }))).ok();
    let meter = json!({ "name": "pages.printed", "aggregation": "sum", "unit": "pages", "from_devices": true });
    demo.native("POST", "/v1/meters", Some(meter)).ok();
    id
}

/// How many pages were printed, by what the programs told.
fn pages_printed(demo: &Demo) -> i64 {
    let year = "from=2026-01-01&until=2027-12-31&per=month&reach=branch";
    let report = demo.native("GET", &format!("/v1/reports/usage?meter=pages.printed&{year}"), None).ok();
    report["items"][0]["total"]["value"].as_i64().expect("a figure")
}

/// How many devices the license is in use on.
fn in_use(demo: &Demo) -> i64 {
    let found = demo.native("GET", &format!("/v1/licenses?code={CODE}"), None).ok();
    found["items"][0]["active_count"].as_i64().expect("a count")
}

/// The example in C, built against the library.
struct Painter<'a> {
    demo: &'a Demo,
    product: String,
    library: PathBuf,
}

impl<'a> Painter<'a> {
    fn build(demo: &'a Demo, product: String) -> Self {
        let library = client_library();
        let crate_folder = workspace().join("crates/client-c");
        let mut cc = Command::new("cc");
        cc.args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"]).arg(demo.file("paint-c"));
        cc.arg(crate_folder.join("examples/paint.c")).arg("-I").arg(crate_folder.join("include"));
        cc.arg("-L").arg(&library).arg("-llessorclient");
        let built = cc.output().expect("cc runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Self { demo, product, library }
    }

    /// Runs a command on a device of that name: the exit code, and what was said on either channel.
    fn run(&self, device: &str, words: &[&str]) -> (i32, String) {
        let mut command = Command::new(self.demo.file("paint-c"));
        command.args([&self.demo.url, &self.product]).arg(self.demo.file(device)).args(words);
        let output = command.env("LD_LIBRARY_PATH", &self.library).output().expect("the example runs");
        let said = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap_or(-1), String::from_utf8(said).expect("UTF-8"))
    }

    #[track_caller]
    fn says(&self, device: &str, words: &[&str], expected: &str) {
        assert_eq!(self.run(device, words), (0, expected.to_owned()), "{words:?}");
    }
}

fn a_program_in_c_from_end_to_end(engine: Engine) {
    let demo = Demo::start(engine);
    let painter = Painter::build(&demo, product(&demo));
    painter.says("easel", &["status"], "not activated\n");
    painter.says("easel", &["validate", CODE], "good\n");
    painter.says("easel", &["validate", "NONE"], "no good: not_found\n");
    assert_eq!(in_use(&demo), 0, "asking takes nothing");
    let (exit, said) = painter.run("easel", &["activate", "NONE"]);
    assert!(exit == 1 && said.ends_with("(license_unknown)\n"), "{exit} {said}");
    painter.says("easel", &["activate", CODE], "valid, drawing\n");
    painter.says("easel", &["renew"], "valid, drawing\n");
    let work = "FLOAT is on, 3 in all; edition studio\nspent two tokens, 1 left\nvalid, drawing\n";
    painter.says("easel", &["work"], work);
    painter.says("easel", &["count", "pages.printed", "3"], "counted 3, not []\n");
    let (exit, said) = painter.run("easel", &["count", "no.such.meter", "1"]);
    assert!(exit == 0 && said.contains("counted 0") && said.contains("meter_unknown"), "{exit} {said}");
    assert_eq!(pages_printed(&demo), 3);

    // What a program holds that went away without a word is held until its next copy looks after it.
    painter.says("canvas", &["activate", CODE], "valid, drawing\n");
    painter.says("easel", &["hold", "FLOAT", "3"], "");
    let (exit, said) = painter.run("canvas", &["work"]);
    assert!(exit == 1 && said.ends_with("(no_seat)\n"), "{exit} {said}");
    painter.says("easel", &["tidy"], "");
    painter.says("canvas", &["work"], work);
    let (exit, said) = painter.run("third", &["activate", CODE]);
    assert!(exit == 1 && said.ends_with("(no_seat)\n"), "{exit} {said}");
    painter.says("easel", &["return"], "not activated\n");
    painter.says("canvas", &["return"], "not activated\n");
    assert_eq!(in_use(&demo), 0);
}

fn a_program_in_c_through_files(engine: Engine) {
    let demo = Demo::start(engine);
    let painter = Painter::build(&demo, product(&demo));
    let [request, answer, proof] = ["request", "answer", "proof"].map(|name| demo.file(name).display().to_string());
    painter.says("far away", &["request", CODE, &request], "");
    painter.says("carrier", &["carry", &request, &answer], "");
    let text = std::fs::read_to_string(&answer).expect("an answer");
    let changed = text.replacen(&text[40..41], if &text[40..41] == "0" { "1" } else { "0" }, 1);
    std::fs::write(&answer, changed).expect("written");
    let (exit, said) = painter.run("far away", &["accept", &answer]);
    assert!(exit == 1 && said.ends_with("(bad_document)\n"), "{exit} {said}");
    std::fs::write(&answer, text).expect("written");
    painter.says("far away", &["accept", &answer], "valid, drawing\n");
    assert_eq!(in_use(&demo), 1);
    let (exit, said) = painter.run("far away", &["accept", &answer]);
    assert!(exit == 1 && said.ends_with("(no_open_request)\n"), "{exit} {said}");
    painter.says("far away", &["return-offline", &proof], "");
    painter.says("far away", &["status"], "not activated\n");
    painter.says("carrier", &["carry-return", &proof], "");
    assert_eq!(in_use(&demo), 0);
}

fn the_python_package_from_end_to_end(engine: Engine) {
    let demo = Demo::start(engine);
    let product = product(&demo);
    let package = workspace().join("clients/python");
    let library =
        client_library().join(format!("{}lessorclient{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX));
    let mut python = Command::new("python3");
    python.args(["-W", "error", "-m", "unittest", "discover", "-s", "tests", "-v"]).current_dir(&package);
    python.env("PYTHONPATH", &package).env("PYTHONDONTWRITEBYTECODE", "1").env("LESSOR_CLIENT_LIBRARY", &library);
    python.env("LESSOR_SERVER", &demo.url).env("LESSOR_PRODUCT", &product).env("LESSOR_CODE", CODE);
    let output = python.output().expect("python3 runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("Ran 8 tests") && !said.contains("skipped"), "{said}");
    assert_eq!((in_use(&demo), pages_printed(&demo)), (0, 12), "every test gave back what it took");
}

#[test]
fn a_program_in_c_from_end_to_end_on_sqlite() {
    a_program_in_c_from_end_to_end(Engine::Sqlite);
}

#[test]
fn a_program_in_c_from_end_to_end_on_postgres() {
    a_program_in_c_from_end_to_end(Engine::Postgres);
}

#[test]
fn a_program_in_c_through_files_on_sqlite() {
    a_program_in_c_through_files(Engine::Sqlite);
}

#[test]
fn a_program_in_c_through_files_on_postgres() {
    a_program_in_c_through_files(Engine::Postgres);
}

#[test]
fn the_python_package_from_end_to_end_on_sqlite() {
    the_python_package_from_end_to_end(Engine::Sqlite);
}

#[test]
fn the_python_package_from_end_to_end_on_postgres() {
    the_python_package_from_end_to_end(Engine::Postgres);
}
