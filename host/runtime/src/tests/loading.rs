//! What may become a plugin, and what is said to what may not.

use stagewright_test_components::{NOTHING, TestGuest};

use super::world::{PLACES, World, call, runtime};
use crate::grant::{Grants, PluginPolicy, ProcessGrant};
use crate::limits::{LimitOverrides, Size};
use crate::{CatalogReason, Policy, Role};

const RUN: &str =
    r#"(import "stagewright:plugin/images@0.1.0" "resolve" (func (param i32 i32 i32)))"#;

async fn refusal(bytes: &[u8]) -> String {
    World::new().load(bytes).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_guest_is_described_and_called() {
    let world = World::new();
    let plugin = world.guest(&TestGuest::new("", NOTHING)).await;
    assert_eq!(plugin.description().name, "test");
    assert!(plugin.roles().iter().eq([&Role::Builder]));
    let (call, _) = call();
    assert_eq!(plugin.inputs(call).await.unwrap(), []);
    assert_eq!(plugin.validate("{}").await.unwrap(), []);
}

#[tokio::test]
async fn a_role_that_it_has_not_is_refused() {
    let world = World::new();
    let plugin = world.guest(&TestGuest::new("", NOTHING)).await;
    let (call, _) = call();
    let error = plugin.observe(call).await.unwrap_err();
    assert!(error.to_string().ends_with("is no deployer"), "{error}");
}

#[tokio::test]
async fn what_is_no_component_is_told_what_it_is() {
    let garbage = refusal(b"#!/bin/sh\necho").await;
    assert!(
        garbage.contains("./plugin.wasm") && garbage.contains("not WebAssembly"),
        "{garbage}"
    );
    let module = refusal(&wat::parse_str("(module)").unwrap()).await;
    assert!(module.contains("core WebAssembly module"), "{module}");
    assert!(module.contains("wasm-tools component new"), "{module}");
    let torn = refusal(b"\0asm\x0d\0\x01\0\x01\xff\xff\xff\xff").await;
    assert!(torn.contains("not a valid component"), "{torn}");
}

#[tokio::test]
async fn a_component_without_a_role_is_refused() {
    let error = refusal(&wat::parse_str("(component)").unwrap()).await;
    assert!(
        error.contains("exports no role") && error.contains("builder"),
        "{error}"
    );
}

#[tokio::test]
async fn another_version_of_the_contract_is_refused_with_both() {
    for text in [
        r#"(component (import "stagewright:plugin/log@0.2.0" (instance)))"#,
        r#"(component (instance $i) (export "stagewright:plugin/builder@0.7.0" (instance $i)))"#,
        r#"(component (import "wasi:cli/stdout@0.3.0" (instance)))"#,
    ] {
        let error = refusal(&wat::parse_str(text).unwrap()).await;
        let wanted = error.contains("0.2.0`") || error.contains("0.7.0") || error.contains("0.3.0");
        assert!(
            wanted && error.contains("this host offers stagewright:plugin@0.1.0"),
            "{error}"
        );
        assert!(error.contains("build it with the SDK"), "{error}");
    }
}

#[tokio::test]
async fn another_world_is_refused() {
    let text = r#"(component (import "acme:tools/magic@1.0.0" (instance)))"#;
    let error = refusal(&wat::parse_str(text).unwrap()).await;
    assert!(
        error.contains("acme:tools/magic@1.0.0") && error.contains("roles.wit"),
        "{error}"
    );
}

#[tokio::test]
async fn a_function_with_another_signature_is_refused() {
    let text = r#"(component
        (import "stagewright:plugin/cancel@0.1.0" (instance
            (export "requested" (func (result string)))))
        (instance $i)
        (export "stagewright:plugin/plugin@0.1.0" (instance $i))
        (export "stagewright:plugin/builder@0.1.0" (instance $i)))"#;
    let error = refusal(&wat::parse_str(text).unwrap()).await;
    assert!(error.contains("do not fit this host"), "{error}");
}

#[tokio::test]
async fn an_import_that_is_not_granted_is_named_with_the_grant_and_the_way() {
    let guest = TestGuest::new(RUN, NOTHING).needing("images").build();
    let error = refusal(&guest).await;
    for part in [
        "`images.resolve`",
        "`images: true`",
        "for the test",
        "sha256:",
        "configuration",
    ] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn the_grant_belongs_to_the_digest() {
    let policy = PluginPolicy {
        grants: Some(Grants {
            images: true,
            ..Grants::default()
        }),
        ..PluginPolicy::default()
    };
    let guest = TestGuest::new(RUN, NOTHING).needing("images").build();
    let world = World::allowing(&guest, policy);
    let plugin = world.load(&guest).await.unwrap();
    assert!(plugin.grants().images);
    let changed = TestGuest::new(RUN, "(nop) (i32.const 0)")
        .needing("images")
        .build();
    let error = world.load(&changed).await.unwrap_err();
    assert!(
        matches!(error.reason, CatalogReason::NotGranted { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_grant_that_is_not_used_takes_no_effect() {
    let policy = PluginPolicy {
        grants: Some(Grants {
            images: true,
            process: Some(ProcessGrant {
                commands: vec!["make".into()],
                ..Default::default()
            }),
            ..Grants::default()
        }),
        ..PluginPolicy::default()
    };
    let guest = TestGuest::new("", NOTHING).build();
    let plugin = World::allowing(&guest, policy).load(&guest).await.unwrap();
    assert_eq!(*plugin.grants(), Grants::default());
}

#[tokio::test]
async fn inspecting_tells_what_is_lacking_without_refusing() {
    let world = World::new();
    let guest = TestGuest::new(RUN, NOTHING).needing("images").build();
    std::fs::write(world.folder.path().join("p.wasm"), &guest).unwrap();
    let inspection = world
        .runtime
        .inspect("./p.wasm", world.folder.path())
        .await
        .unwrap();
    assert_eq!(inspection.imports, ["images.resolve"]);
    assert_eq!(inspection.missing.len(), 1);
    assert_eq!(inspection.effective, Grants::default());
}

#[tokio::test]
async fn a_plugin_is_compiled_and_described_once() {
    let world = World::new();
    let guest = TestGuest::new("", NOTHING).build();
    let digest = world.load(&guest).await.unwrap().digest().clone();
    let folder = world.folder.path().join("components");
    let stamps = || {
        let entries = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
        let mut all: Vec<_> = entries
            .map(|entry| {
                (
                    entry.file_name(),
                    entry.metadata().unwrap().modified().unwrap(),
                )
            })
            .collect();
        all.sort();
        all
    };
    let before = stamps();
    assert_eq!(
        before.len(),
        3,
        "compiled, described, and kept itself: {before:?}"
    );
    // Another process, as far as the folder can tell; and the file itself is gone.
    let again = runtime(world.folder.path(), Policy::default(), PLACES);
    std::fs::remove_file(world.folder.path().join("plugin.wasm")).unwrap();
    let plugin = again
        .load(digest.as_str(), world.folder.path())
        .await
        .unwrap();
    assert_eq!(plugin.description().name, "test");
    let (call, _) = call();
    plugin.inputs(call).await.unwrap();
    assert_eq!(stamps(), before);
}

#[tokio::test]
async fn a_digest_is_followed_to_its_bytes_once_and_a_file_each_time() {
    let world = World::new();
    let (first, second) = (
        TestGuest::new("", NOTHING).build(),
        TestGuest::new("", "(nop) (i32.const 0)").build(),
    );
    let digest = world.load(&first).await.unwrap().digest().clone();
    let folder = world.folder.path();
    let by_digest = || world.runtime.load(digest.as_str(), folder);
    assert_eq!(*by_digest().await.unwrap().digest(), digest);
    assert_ne!(*world.load(&second).await.unwrap().digest(), digest);
    // What is in memory was checked; another process would see that the kept bytes changed.
    let kept = folder.join("components").join(digest.digits());
    std::fs::write(kept.with_extension("wasm"), second).unwrap();
    assert_eq!(*by_digest().await.unwrap().digest(), digest);
    let again = runtime(folder, Policy::default(), PLACES);
    let error = again.load(digest.as_str(), folder).await.unwrap_err();
    assert!(
        matches!(error.reason, CatalogReason::Damaged { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_component_that_is_too_large_is_not_looked_at() {
    let policy = Policy {
        limits: LimitOverrides {
            component: Some(Size::kibibytes(1)),
            ..Default::default()
        },
        ..Policy::default()
    };
    let error = World::with(policy)
        .load(&[0; 2048])
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("larger than 1KiB") && error.contains("`component`"),
        "{error}"
    );
}

#[tokio::test]
async fn references_that_lead_nowhere_say_so() {
    let world = World::new();
    for (reference, part) in [
        ("builtin:nothing", "no built-in plugin `nothing`"),
        ("./missing.wasm", "cannot read"),
        ("oci://registry.example/a:1", "plugin sharing"),
        ("whatever", "is named"),
    ] {
        let error = world
            .runtime
            .load(reference, world.folder.path())
            .await
            .unwrap_err();
        assert!(error.to_string().contains(part), "{error}");
        assert!(error.to_string().contains(reference), "{error}");
    }
}
