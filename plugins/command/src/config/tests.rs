use serde_json::json;

use super::*;

fn read(with: serde_json::Value) -> Config {
    serde_json::from_value(with).unwrap()
}

#[test]
fn both_ways_to_write_a_step_and_an_output_are_read() {
    let config = read(json!({
        "steps": [
            ["cargo", "build"],
            {"run": ["npm", "ci"], "in": "web", "variables": {"CI": "1"}}
        ],
        "outputs": ["target/release/api", {"from": "web/dist", "to": "/srv"}]
    }));
    let [first, second] = &config.steps[..] else {
        panic!()
    };
    assert_eq!(
        (first.argv().join(" ").as_str(), first.folder()),
        ("cargo build", ".")
    );
    assert_eq!(
        (second.argv().join(" ").as_str(), second.folder()),
        ("npm ci", "web")
    );
    assert_eq!(second.variables().collect::<Vec<_>>(), [("CI", "1")]);
    let targets: Vec<String> = config.outputs.iter().map(Packed::to).collect();
    assert_eq!(targets, ["/app/api", "/srv"]);
    assert!(config.problems().is_empty());
}

#[test]
fn a_folder_goes_to_app_under_its_own_name_and_the_source_itself_to_app() {
    let to = |path: &str| Packed::Path(path.to_owned()).to();
    assert_eq!(to("./dist/public/"), "/app/public");
    assert_eq!(to("."), "/app");
}

#[test]
fn the_command_is_that_of_the_file_then_of_the_base_then_the_first_output() {
    let with = |more: serde_json::Value| {
        let mut with = json!({"steps": [["make"]], "outputs": ["out/api", "web"]});
        with.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        read(with).command()
    };
    assert_eq!(with(json!({})), ["/app/api"]);
    assert_eq!(
        with(json!({"command": ["/app/api", "-v"]})),
        ["/app/api", "-v"]
    );
    assert!(with(json!({"base": "oci:base"})).is_empty());
}

#[test]
fn the_tools_are_those_named_else_the_programs_of_the_steps_once_each() {
    let config = read(json!({
        "steps": [["npm", "ci"], ["./build.sh"], ["cargo", "build"], ["npm", "test"]],
        "outputs": ["x"]
    }));
    assert!(matches!(config.tools(), Tools::Found(found) if found == ["cargo", "npm"]));
    let config = read(json!({"steps": [["make"]], "outputs": ["x"], "tools": ["gcc"]}));
    assert!(matches!(config.tools(), Tools::Named(named) if named == ["gcc"]));
}

#[test]
fn everything_that_leads_out_or_collides_is_a_problem() {
    let config = read(json!({
        "steps": [{"run": ["make"], "in": "../other"}],
        "outputs": ["/etc/passwd", {"from": "a", "to": "/app/../b"}, "x/api", "y/api"],
        "caches": ["target", "../target", ".", "targets", "target/debug"]
    }));
    let problems = config.problems();
    let at: Vec<&str> = problems.iter().map(|problem| problem.at.as_str()).collect();
    let expected = [
        "/steps/0/in",
        "/outputs/0",
        "/outputs/1/to",
        "/outputs/3",
        "/caches/1",
        "/caches/2",
        "/caches/4",
    ];
    assert_eq!(at, expected);
}

#[test]
fn every_cache_has_a_name_of_its_own_that_the_host_allows() {
    assert_eq!(cache_name("target/"), "at-target");
    assert_eq!(cache_name(".cache/x"), "at-.cache_2fx");
    assert_ne!(cache_name("a/b"), cache_name("a-b"));
    assert_ne!(cache_name("a/b"), cache_name("a_2fb"));
}
