//! Every function that gives a guest authority, with every kind of grant: may the plugin be
//! loaded, does the call work, what is said when it does not.
//!
//! The table of [`rows`] has a row for each function of `wit/`; a function that is added there
//! fails these tests until it has one.

mod inspecting;
mod limits;
mod registry;
mod rows;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stagewright_runtime::{CatalogReason, Digest, Grants};

use crate::sandbox::{Sandbox, told};
use rows::{FREE, Row, rows};
use stagewright_test_components::{CAPABILITIES, Script};

/// The widest grant of every capability.
fn everything() -> Value {
    json!({
        "workspace": true,
        "images": true,
        "process": { "commands": ["ls", "cat"], "declared": true, "supervise": true },
        "probe": true,
        "secrets": { "reveal": true },
        "docker": { "build": true, "run": true },
        "registry": { "pull": ["registry.example/"], "push": ["registry.example/"], "declared": true },
    })
}

/// This grant of one capability, and beside it all others that the script uses, as wide as they
/// get.
fn beside(script: &Script, capability: &str, grant: Value) -> Value {
    let mut grants = everything();
    let object = grants.as_object_mut().unwrap();
    object.retain(|name, _| name != capability && script.interfaces().any(|one| one == name));
    object.insert(capability.to_owned(), grant);
    grants
}

#[test]
fn the_table_has_a_row_for_every_function_of_the_contract() {
    let script = Script::new();
    let ours = script.functions().filter(|name| !name.starts_with("wasi:"));
    let (free, scoped): (BTreeSet<&str>, BTreeSet<&str>) =
        ours.partition(|name| !CAPABILITIES.contains(&name.split('.').next().unwrap()));
    let table: BTreeSet<&str> = rows().iter().map(|row| row.function).collect();
    assert_eq!(table, scoped);
    assert_eq!(BTreeSet::from(FREE.map(|(name, _)| name)), free);
    assert_eq!(table.len(), rows().len(), "a function has two rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gives_no_authority_works_without_any_grant() {
    let sandbox = Sandbox::new();
    let mut script = Script::new();
    for (function, given) in FREE {
        script.attempt(function, given);
    }
    let guest = script.unasking().build();
    let told = sandbox.run(&guest, &json!({}), sandbox.call()).await;
    assert_eq!(told, ["ok"; FREE.len()]);
}

/// Loads a guest under these grants and tells why it was refused.
async fn refusal(sandbox: &Sandbox, guest: &[u8], grants: &Value) -> String {
    sandbox.plugin(guest);
    let runtime = sandbox.runtime(&[(guest, grants)]);
    let error = runtime
        .load("./plugin.wasm", &sandbox.base())
        .await
        .unwrap_err();
    assert!(
        matches!(error.reason, CatalogReason::NotGranted { .. }),
        "{error}"
    );
    error.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_imported_takes_no_effect_however_wide_the_grant() {
    let sandbox = Sandbox::new();
    let guest = CAPABILITIES
        .iter()
        .fold(Script::new().guest(), |guest, name| guest.needing(name));
    let guest = guest.build();
    sandbox.plugin(&guest);
    let runtime = sandbox.runtime(&[(&guest, &everything())]);
    let plugin = runtime
        .load("./plugin.wasm", &sandbox.base())
        .await
        .unwrap();
    assert_eq!(*plugin.grants(), Grants::default());
    let inspection = runtime
        .inspect("./plugin.wasm", &sandbox.base())
        .await
        .unwrap();
    assert_eq!(
        inspection.granted,
        serde_json::from_value(everything()).unwrap()
    );
    assert_eq!(
        (inspection.effective, inspection.missing),
        (Grants::default(), Vec::new())
    );
    let failure = plugin.build(sandbox.call()).await.unwrap_err().failure();
    assert_eq!(told(&failure), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_imported_and_not_granted_is_refused_with_its_name_and_the_way_out() {
    let sandbox = Sandbox::new();
    for row in rows() {
        let guest = row.importing().guest().build();
        let digest = Digest::of(&guest);
        let (function, grant) = (row.function, row.scope.grant());
        let mut narrower = vec![json!({})];
        narrower.extend(
            row.scope
                .too_narrow()
                .map(|grant| json!({ row.capability(): grant })),
        );
        for grants in narrower {
            let said = refusal(&sandbox, &guest, &grants).await;
            for part in [
                format!(
                    "it imports `{function}`, which needs the grant `{grant}` (it says: for the test)"
                ),
                format!("write `plugins: {{ \"{digest}\": {{ grants: {{ {grant} }} }} }}`"),
                "into the operator's configuration".to_owned(),
            ] {
                assert!(
                    said.contains(&part),
                    "{function} with {grants}: {part}\n{said}"
                );
            }
            let runtime = sandbox.runtime(&[(&guest, &grants)]);
            let inspection = runtime
                .inspect("./plugin.wasm", &sandbox.base())
                .await
                .unwrap();
            assert_eq!(inspection.imports, [function]);
            let missing: Vec<_> = inspection
                .missing
                .iter()
                .map(|one| (one.import.as_str(), one.grant))
                .collect();
            assert_eq!(missing, [(function, grant)]);
            assert_eq!(inspection.granted, serde_json::from_value(grants).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_description_does_not_ask_for_is_refused_however_wide_the_grant() {
    let sandbox = Sandbox::new();
    for row in rows() {
        let guest = row.importing().unasking().build();
        let said = refusal(&sandbox, &guest, &everything()).await;
        let (function, capability) = (row.function, row.capability());
        let part = format!(
            "it imports `{function}`, but its description does not ask for `{capability}`: its author has to add the need"
        );
        assert!(said.contains(&part), "{part}\n{said}");
        assert!(
            !said.contains("operator's configuration"),
            "a grant would not help: {said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_ends_with_the_digest() {
    let sandbox = Sandbox::new();
    for row in rows() {
        let guest = row.importing().guest().build();
        let grants = everything();
        let runtime = sandbox.runtime(&[(&guest, &grants)]);
        sandbox.plugin(&guest);
        runtime
            .load("./plugin.wasm", &sandbox.base())
            .await
            .unwrap();
        // The author has built it again; nobody has looked at it.
        let changed = row
            .importing()
            .guest()
            .with("(global i32 (i32.const 1))")
            .build();
        assert_ne!(Digest::of(&changed), Digest::of(&guest));
        sandbox.plugin(&changed);
        let error = runtime
            .load("./plugin.wasm", &sandbox.base())
            .await
            .unwrap_err();
        assert!(
            matches!(error.reason, CatalogReason::NotGranted { .. }),
            "{error}"
        );
        assert!(
            error.to_string().contains(Digest::of(&changed).as_str()),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_granted_is_really_done() {
    for row in rows() {
        // With an engine or a registry: see `suite::docker` and `registry` here.
        if !["docker", "registry"].contains(&row.capability()) {
            really_done(&row).await;
        }
    }
}

/// Every function of a capability that takes a server to be tested.
pub async fn really_done_by(capability: &str) {
    for row in rows() {
        if row.capability() == capability {
            really_done(&row).await;
        }
    }
}

/// Makes the call of a row with each grant that is enough for it.
async fn really_done(row: &Row) {
    let mut grants = vec![row.scope.narrow(), row.scope.wide()];
    grants.dedup();
    for grant in grants {
        really_does(row, &Sandbox::new(), grant).await;
    }
}

/// Makes the call of a row with this grant, and expects what the row says.
async fn really_does(row: &Row, sandbox: &Sandbox, grant: Value) {
    let mut script = Script::new();
    let given = (row.given)(&mut script);
    script.attempt(row.function, &given);
    let mut call = sandbox.call();
    if row.capability() == "docker" {
        call = sandbox.engine(call);
    }
    if script.interfaces().any(|name| name == "images") {
        sandbox.add_image();
    }
    let grants = beside(&script, row.capability(), grant);
    let told = sandbox.run(&script.guest().build(), &grants, call).await;
    assert_eq!(told.len(), 1, "{}: {told:?}", row.function);
    let fits = match row.answer {
        whole @ ("ok" | "ok 0" | "ok 1" | "ok ***") => told[0] == whole,
        beginning => told[0].starts_with(beginning),
    };
    assert!(fits, "{} with {grants}: {told:?}", row.function);
}
