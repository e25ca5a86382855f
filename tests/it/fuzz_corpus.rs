//! The fuzz target over its corpus: files that once broke a promise, the gallery, the examples. Fuzzing itself is run
//! by hand (`fuzz/README.md`).

use std::path::Path;

#[test]
fn no_file_of_the_corpus_breaks_a_promise() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = 0;
    for folder in ["fuzz/corpus/offer", "tests/it/gallery", "tests/it/fixtures", "offers"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder of the corpus") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                offerctl::check_offer_file(&std::fs::read(&path).expect("a file"));
                files += 1;
            }
        }
    }
    assert!(files > 100, "{files} files are no corpus");
}
