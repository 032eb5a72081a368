use std::sync::Arc;

use futures::future::BoxFuture;

use super::*;
use crate::capability::secrets::{SecretText, Secrets};
use crate::grant::{Grants, SecretsGrant};
use crate::record::{Service, Value, Variable};

/// The value of each secret is made of its name.
struct Named;

impl Secrets for Named {
    fn value<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<SecretText, Failure>> {
        Box::pin(async move { Ok(SecretText::new(format!("the-{name}-itself"))) })
    }
}

fn variable(name: &str, value: Value) -> Variable {
    Variable {
        name: name.to_owned(),
        value,
    }
}

/// Secrets of a call that has read `token`, and not `password`.
async fn secrets() -> SecretsContext {
    let service = Service {
        variables: vec![
            variable("TOKEN", Value::Secret("token".to_owned())),
            variable("PASSWORD", Value::Secret("password".to_owned())),
        ],
        environment: "test".to_owned(),
        name: "web".to_owned(),
        kind: "application".to_owned(),
        stage: "apps".to_owned(),
        image: None,
        source_path: None,
        ports: Vec::new(),
        health: None,
        config: "{}".to_owned(),
    };
    let grants = Grants {
        secrets: Some(SecretsGrant { reveal: true }),
        ..Grants::default()
    };
    let secrets = SecretsContext::new(&service, Arc::new(Named), Arc::default(), &grants);
    secrets.reveal("token").await.unwrap();
    secrets.value("password").await.unwrap();
    secrets
}

fn launch(argv: &[&str], folder: &str, variables: Vec<Variable>) -> process::Launch {
    process::Launch {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        working_directory: folder.to_owned(),
        variables,
        ports: Vec::new(),
        socket_activation: false,
        keep_running: true,
        stop_grace_ms: 0,
    }
}

#[tokio::test]
async fn a_secret_that_the_guest_has_read_is_refused_wherever_it_would_be_written_down() {
    let secrets = secrets().await;
    let text = Value::Text("postgres://the-token-itself@db".to_owned());
    for (wanted, place) in [
        (
            launch(&["/app/web", "--key=the-token-itself"], "", Vec::new()),
            "a word of the program's command",
        ),
        (
            launch(&[], "/the-token-itself/x", Vec::new()),
            "the program's working directory",
        ),
        (
            launch(
                &[],
                "",
                vec![variable("the-token-itself", Value::Text(String::new()))],
            ),
            "the name of a variable",
        ),
        (
            launch(&[], "", vec![variable("URL", text)]),
            "the text of the variable `URL`",
        ),
    ] {
        let failure = refuse_secrets(&secrets, &wanted).unwrap_err();
        assert_eq!(failure.code, "secrets.in-the-open");
        let expected = format!("{place} contains the value of the secret `token`");
        assert_eq!(failure.message, expected);
    }
}

#[tokio::test]
async fn secrets_by_name_and_text_that_only_happens_to_be_the_same_are_taken() {
    let secrets = secrets().await;
    let variables = vec![
        variable("TOKEN", Value::Secret("token".to_owned())),
        variable("USER", Value::Text("the-password-itself".to_owned())),
    ];
    let wanted = launch(&["/app/web", "the-password-itself"], "/app", variables);
    assert_eq!(refuse_secrets(&secrets, &wanted), Ok(()));
}
