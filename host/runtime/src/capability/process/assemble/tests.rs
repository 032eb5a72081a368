use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use super::super::launch::{Secret, Variable};
use super::*;

fn variable(name: &str, value: Value) -> Variable {
    Variable {
        name: name.to_owned(),
        value,
    }
}

fn assembled(variables: Vec<Variable>) -> Result<Program, Error> {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::new(folder.path());
    std::fs::create_dir_all(layout.root().join("app")).unwrap();
    std::fs::write(layout.root().join("app/run"), "").unwrap();
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(layout.root().join("app/run"), mode).unwrap();
    let image = ImageDefaults {
        argv: vec!["./run".to_owned(), "--flag".to_owned()],
        environment: vec![
            ("A".to_owned(), "image".to_owned()),
            ("B".to_owned(), "image".to_owned()),
        ],
        working_directory: "/app".to_owned(),
    };
    let launch = Launch {
        argv: Vec::new(),
        working_directory: String::new(),
        variables,
        ports: Vec::new(),
        socket_activation: false,
        keep_running: false,
        stop_grace: Duration::ZERO,
        reason: "deploy".to_owned(),
    };
    let around = Surroundings {
        environment: "shop",
        service: "api",
        data: Path::new("/data"),
        passed: &[
            ("PATH".to_owned(), "/bin".to_owned()),
            ("CARGO_HOME".to_owned(), "/c".to_owned()),
        ],
    };
    assemble(&launch, &image, &layout, &around)
}

#[test]
fn later_entries_win_and_nothing_else_gets_in() {
    let program = assembled(vec![
        variable("B", Value::Text("launch".to_owned())),
        variable(
            "C",
            Value::Secret {
                name: "c".to_owned(),
                value: Secret::new("hidden".to_owned()),
            },
        ),
        variable("STAGEWRIGHT_SERVICE", Value::Text("forged".to_owned())),
    ])
    .unwrap();
    assert_eq!(program.argv, ["./run", "--flag"]);
    assert!(program.path.ends_with("root/app/run") && program.directory.ends_with("root/app"));
    let get = |name: &str| {
        let found = program.environment.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value.as_str())
    };
    assert_eq!(
        (get("A"), get("B"), get("C")),
        (Some("image"), Some("launch"), Some("hidden"))
    );
    assert_eq!(get("STAGEWRIGHT_SERVICE"), Some("api"));
    assert_eq!(
        (get("PATH"), get("HOME"), get("CARGO_HOME")),
        (Some("/bin"), Some("/data"), None)
    );
}

#[test]
fn a_secret_that_was_not_given_is_named_with_its_variable() {
    let value = Value::Secret {
        name: "db".to_owned(),
        value: Secret::default(),
    };
    let error = assembled(vec![variable("PASSWORD", value)]).err().unwrap();
    assert_eq!(error.code(), "release.secret-missing");
    assert!(
        error.to_string().contains("PASSWORD") && error.to_string().contains("db"),
        "{error}"
    );
}

#[test]
fn impossible_variables_are_refused_without_their_value() {
    let error = assembled(vec![variable("A=B", Value::Text("v".to_owned()))])
        .err()
        .unwrap();
    assert_eq!(error.code(), "process.invalid");
    let error = assembled(vec![variable("A", Value::Text("hunter2\0".to_owned()))])
        .err()
        .unwrap();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}
