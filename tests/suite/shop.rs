//! The example: a believable shop goes through the pipeline, and its page says what the
//! database and the migration job know.

use std::path::Path;

use crate::environment::{free_port, get};
use crate::installation::{Installation, copy};

/// The ports of the example.
const PORTS: std::ops::RangeInclusive<u16> = 18080..=18087;

#[test]
fn the_shop_is_deployed_and_its_page_is_right() {
    let installation = Installation::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/examples/shop");
    copy(&example, &installation.project());
    let file = installation.project().join("stagewright.yaml");
    let mut text = std::fs::read_to_string(&file).unwrap();
    let mut front = 0;
    for fixed in PORTS {
        let port = free_port();
        if fixed == *PORTS.start() {
            front = port;
        }
        assert!(
            text.contains(&format!("port: {fixed} ")),
            "port {fixed} of the example"
        );
        text = text.replace(&format!("port: {fixed} "), &format!("port: {port} "));
    }
    std::fs::write(&file, text).unwrap();

    let run = installation.succeed(&["deploy"]);
    assert!(run.stdout.contains("9 succeeded"), "{run}");
    let page = get(front, "/").unwrap();
    for words in [
        "12 products in the database.",
        "Slate mug",
        "In stock: 14",
        "The shop's database has schema version 3; the migration job seeded 12 products.",
    ] {
        assert!(page.contains(words), "{words}\n{page}");
    }
    let again = installation.succeed(&["deploy"]);
    assert!(
        again.stdout.contains("8 unchanged"),
        "the job runs again\n{again}"
    );
    assert!(
        get(front, "/")
            .unwrap()
            .contains("12 products in the database.")
    );
}
