//! What the documentation shows of programs is taken from the examples, which run.

use std::path::Path;

#[test]
fn the_snippets_of_the_documentation_are_taken_from_the_examples() {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(workspace.join(path)).unwrap();
    let page = read("docs/devices.md");
    let examples = [
        ("```rust\n", read("crates/client/examples/paint.rs")),
        ("```c\n", read("crates/client-c/examples/paint.c")),
        ("```python\n", read("clients/python/examples/paint.py")),
    ];
    for (fence, example) in examples {
        let snippets: Vec<&str> =
            page.split(fence).skip(1).filter_map(|rest| rest.split_once("```")).map(|(it, _)| it).collect();
        assert!(!snippets.is_empty(), "{fence}");
        for snippet in snippets {
            assert!(example.contains(snippet), "not in the example:\n{snippet}");
        }
    }
}
