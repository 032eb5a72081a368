//! Each kind of thing that is removed but images, which all of the other tests are about.

use super::{aged, of_kind};
use crate::environment::{add_actor, free_port, get, job, rewrite, server, with};
use crate::guests;
use crate::sources::git;

#[test]
fn what_builds_and_failed_runs_left_goes_with_the_last_that_knows_of_it() {
    let built = |name: &str| {
        server(name, free_port(), "x").replace(
            r#"plugin: "builtin:static", with: { target: /app }"#,
            "with: { steps: [[mkdir, -p, app, kept/some], [cp, actor, app/actor]], \
             outputs: [app], caches: [kept] }",
        )
    };
    let broken = job("broken", r#"fail, "3""#);
    let stages = "stages: [{ name: all, on_failure: continue, \
                  default_for: [database, job, container, application] }]\n";
    let installation = aged(&[]);
    let rewrite = |services: &[String]| {
        let text = format!("name: test\n{stages}services:{}", services.concat());
        installation.write("stagewright.yaml", &text);
    };
    let (web, api) = (built("web"), built("api"));
    rewrite(&[web.clone(), api, broken.clone()]);
    installation.run(&["deploy"]);
    installation.run(&["deploy"]);
    rewrite(&[web, broken]);
    installation.run(&["deploy"]);
    installation.succeed(&["destroy", "--yes", "--only", "api"]);
    // Until then the removal itself is what describes it.
    installation.succeed(&["stop"]);
    let state = installation.state();
    let folders = || {
        ["builds/test", "caches/test", "releases/test/broken", "logs"].map(|folder| {
            let entries = std::fs::read_dir(state.join(folder)).into_iter();
            let names = entries.flatten().flatten().map(|entry| entry.file_name());
            let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            names.retain(|name| !name.starts_with('.'));
            names.sort();
            names
        })
    };
    let [builds, caches, releases, logs] = folders();
    assert_eq!(builds, ["api", "broken", "web"]);
    assert_eq!(caches, ["api", "broken", "web"]);
    assert_eq!(releases.len(), 2, "{releases:?}");
    assert_eq!(logs.len(), 5, "{logs:?}");

    let run = installation.succeed(&["gc", "--history", "1", "--output", "json"]);
    let [builds, caches, releases, logs] = folders();
    assert_eq!(builds, ["broken", "web"], "{run}");
    assert_eq!(caches, ["broken", "web"], "{run}");
    assert_eq!(of_kind(&run, "build"), ["builds/test/api"]);
    assert_eq!(of_kind(&run, "cache"), ["caches/test/api"]);
    assert!(
        releases.len() == 1 && releases[0].starts_with("test-3_"),
        "{releases:?}\n{run}"
    );
    assert_eq!(of_kind(&run, "release"), ["test-2/broken/deploy"]);
    // What runs was made by the first.
    assert_eq!(logs, ["test-1", "test-3", "test-5"], "{run}");
    assert_eq!(of_kind(&run, "logs"), ["logs/test-2", "logs/test-4"]);
}

#[test]
fn what_a_collection_that_was_killed_had_begun_to_remove_goes_with_the_next() {
    let installation = with(&[job("note", "note")]);
    installation.succeed(&["deploy"]);
    let state = installation.state();
    let left = ["logs", "builds/test", "caches/test"]
        .map(|folder| state.join(folder).join(".partial-gone-some/deep"));
    for folder in &left {
        std::fs::create_dir_all(folder).unwrap();
    }
    installation.succeed(&["gc", "--dry-run"]);
    assert!(
        left.iter().all(|folder| folder.exists()),
        "a dry run removes nothing"
    );
    let run = installation.succeed(&["gc", "--output", "json"]);
    assert_eq!(run.stdout, "", "{run}");
    for folder in left.iter().filter_map(|folder| folder.parent()) {
        assert!(!folder.exists(), "{}", folder.display());
    }
}

#[test]
fn trees_and_clones_go_when_no_kept_deployment_was_made_from_them() {
    let port = free_port();
    let installation = aged(&[]);
    let repository = installation.project().join("mono");
    add_actor(&installation, "mono/web");
    git(&repository, &["init", "-q", "-b", "main"]);
    let source = "{ git: ./mono, branch: main, path: web }";
    let from_git = server("web", port, "from git").replace("{ path: app }", source);
    rewrite(&installation, std::slice::from_ref(&from_git));
    for commit in ["one", "two"] {
        installation.write("mono/web/more", commit);
        git(&repository, &["add", "."]);
        git(&repository, &["commit", "-qm", commit]);
        installation.succeed(&["deploy"]);
    }
    let one = installation.succeed(&["gc", "--history", "1", "--output", "json"]);
    assert_eq!(of_kind(&one, "source").len(), 1, "a tree\n{one}");
    assert!(of_kind(&one, "source")[0].starts_with("tree "), "{one}");

    rewrite(&installation, &[server("web", port, "from a folder")]);
    add_actor(&installation, "app");
    installation.succeed(&["deploy"]);
    let all = installation.succeed(&["gc", "--history", "1", "--output", "json"]);
    let names = of_kind(&all, "source");
    assert!(names.len() == 2 && names[1].starts_with("clone "), "{all}");

    rewrite(&installation, &[from_git]);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "from git", "it is cloned again");
}

#[test]
fn components_go_when_no_kept_deployment_names_them() {
    let port = free_port();
    let installation = aged(&[]);
    guests::stamped(&installation, port);
    let grant =
        |name: &str| guests::grant(&installation, name, "{ workspace: true, images: true }");
    let digest = grant("./stamp.wasm");
    let (_, digits) = digest.split_once(':').unwrap();
    let kept = || {
        let components = std::fs::read_dir(installation.state().join("components"));
        let names = components.unwrap().flatten().map(|entry| entry.file_name());
        let ours = |name: &std::ffi::OsString| name.to_str().unwrap().starts_with(digits);
        names.filter(ours).count()
    };
    installation.succeed(&["deploy"]);
    let before = kept();
    installation.succeed(&["gc", "--history", "1"]);
    assert_eq!(kept(), before, "it is what the service was built by");

    rewrite(&installation, &[server("web", port, "one")]);
    installation.succeed(&["deploy"]);
    installation.succeed(&["gc", "--history", "1"]);
    assert_eq!(kept(), 0, "of {before}");
    guests::stamped(&installation, port);
    installation.succeed(&["deploy"]);
    assert_eq!(get(port, "/").unwrap(), "stamped");
}
