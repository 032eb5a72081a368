//! What is granted of registries, with a real one.

use serde_json::json;
use stagewright_runtime::Declared;
use stagewright_test_components::{Given, Script};

use super::really_does;
use super::rows::{rows, shared};
use crate::engines::Registry;
use crate::sandbox::Sandbox;
use Given::{Handle, Text};

/// A sandbox whose host speaks to the shared registry, in which there is an image `team/app:1`.
async fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new().speaking_to(&Registry::shared().host());
    sandbox.add_image();
    let mut script = Script::new();
    let image = script.call("images.resolve", &[Text(crate::sandbox::IMAGE)]);
    script.attempt("registry.push", &[Handle(image), Text(shared("team/app"))]);
    let grants = json!({ "images": true, "registry": { "push": [shared("team/app")] } });
    let guest = script.guest().build();
    let told = sandbox.run(&guest, &grants, sandbox.call()).await;
    let pushed: &str = told[0].strip_prefix("ok ").unwrap().to_owned().leak();
    let mut script = Script::new();
    script.attempt("registry.tag", &[Text(pushed), Text("1")]);
    let guest = script.guest().build();
    sandbox.run(&guest, &grants, sandbox.call()).await;
    sandbox
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_really_done() {
    let sandbox = sandbox().await;
    let registry = rows().into_iter();
    for row in registry.filter(|row| row.capability() == "registry") {
        let key = match row.scope.grant().contains("push") {
            true => "push",
            false => "pull",
        };
        for scope in ["team/app", "team/", ""] {
            really_does(&row, &sandbox, json!({ key: [shared(scope)] })).await;
        }
    }
}

/// Makes every call of the interface with these grants, and with these declared repositories.
async fn told(sandbox: &Sandbox, grants: serde_json::Value, declared: Declared) -> Vec<String> {
    let mut script = Script::new();
    let image = script.call("images.resolve", &[Text(crate::sandbox::IMAGE)]);
    script.attempt("registry.exists", &[Text(shared("team/app:1"))]);
    script.attempt("registry.resolve", &[Text(shared("team/app:1"))]);
    script.attempt(
        "registry.tags",
        &[Text(shared("team/app")), Given::Nothing(3)],
    );
    script.attempt("registry.push", &[Handle(image), Text(shared("team/app"))]);
    script.attempt("registry.tag", &[Text(shared("team/app:1")), Text("1")]);
    let grants = json!({ "images": true, "registry": grants });
    let mut call = sandbox.call();
    call.repositories = declared;
    let told = sandbox.run(&script.guest().build(), &grants, call).await;
    // Only whether it worked, or why not.
    let word = |told: &String| told.split(' ').next().unwrap().to_owned();
    told.iter().map(word).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn other_repositories_are_refused_whatever_is_granted_of_their_neighbours() {
    const NO: &str = "registry.repository-not-granted";
    let sandbox = sandbox().await;
    let nothing = Declared::default;
    let beside = [
        shared("team/application"),
        shared("team/app/more"),
        "team/app",
    ];
    let grants = json!({ "pull": beside, "push": beside });
    assert_eq!(told(&sandbox, grants, nothing()).await, [NO; 5]);
    let reading = json!({ "pull": [shared("team/")], "push": ["registry.example/"] });
    let expected = ["ok", "ok", "ok", NO, NO];
    assert_eq!(told(&sandbox, reading, nothing()).await, expected);

    let declared = || Declared {
        pull: Vec::new(),
        push: vec![shared("team/app").to_owned()],
    };
    let trusting = json!({ "declared": true });
    assert_eq!(
        told(&sandbox, trusting.clone(), declared()).await,
        ["ok"; 5]
    );
    assert_eq!(told(&sandbox, trusting, nothing()).await, [NO; 5]);
    let own = json!({ "pull": ["registry.example/"], "push": ["registry.example/"] });
    assert_eq!(told(&sandbox, own, declared()).await, [NO; 5]);
}
