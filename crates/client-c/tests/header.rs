//! The header in the repository is the one that the sources make.

use std::path::Path;

/// Set this variable to write the header anew instead of comparing.
const WRITE: &str = "LESSOR_WRITE_HEADER";

#[test]
fn the_header_is_what_the_sources_make() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = cbindgen::Config::from_file(here.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let bindings = cbindgen::generate_with_config(here, config).expect("the sources can be read");
    let mut made = Vec::new();
    bindings.write(&mut made);
    let made = String::from_utf8(made).expect("UTF-8");
    let header = here.join("include/lessor.h");
    if std::env::var_os(WRITE).is_some() {
        std::fs::write(&header, &made).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&header).unwrap_or_default();
    assert!(committed == made, "include/lessor.h is out of date; write it anew with {WRITE}=1");
}
