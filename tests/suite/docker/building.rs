//! What the engine builds, from what, and what is told of it.

use super::{BASE, Site};

/// A job that is built in `app` with this `with` block and runs this command.
fn job(with: &str, command: &str) -> String {
    format!(
        r#"
  job:
    type: job
    source: {{ path: app }}
    build: {{ with: {{ {with} }} }}
    deploy: {{ with: {{ command: [sh, -c, "{command}"] }} }}
"#
    )
}

#[test]
fn stages_arguments_and_what_is_left_out_are_as_docker_has_them() {
    let site = Site::new("docker-build");
    let dockerfile = format!(
        "{BASE}ARG WORD\nCOPY . /context\nRUN echo \"$WORD\" > /word\n\
         FROM base AS late\nCOPY --from=1 /context /context\nCOPY --from=1 /word /word\n\
         FROM late AS later\nRUN echo later > /later\n"
    );
    site.source("app", &dockerfile);
    for path in [
        "kept",
        "secret.key",
        "logs/a.log",
        "logs/keep.log",
        "sub/a.key",
    ] {
        site.installation.write(&format!("app/{path}"), path);
    }
    site.installation.write(
        "app/.dockerignore",
        "**/*.key\nlogs\n!logs/keep.log\nbusybox.old\n",
    );
    let show = "cd /context; find . -type f | sort | tr '\\\\n' ' '; cat /word; ls /later";
    site.services(&[job(
        "target: late, args: { WORD: first }, labels: { team: shop }",
        show,
    )]);
    let run = site.installation.run(&["deploy"]);
    assert!(
        run.stdout
            .contains("./busybox ./kept ./logs/keep.log first"),
        "{run}"
    );
    // The stage behind the target was not built.
    assert!(run.stdout.contains("/later: No such file"), "{run}");

    let show = show.replace("; ls /later", "");
    let again = job(
        "target: late, args: { WORD: second }, labels: { team: shop }",
        &show,
    );
    site.services(&[again]);
    let run = site.installation.succeed(&["deploy"]);
    assert!(run.stdout.contains("./logs/keep.log second"), "{run}");
    let run = site.installation.succeed(&["deploy"]);
    assert!(!run.stdout.contains("build started"), "{run}");
}

#[test]
fn a_dockerfile_that_fails_is_told_with_its_line_and_what_it_printed() {
    let site = Site::new("docker-bad");
    site.source(
        "app",
        &format!("{BASE}RUN echo the cause is here >&2; exit 3\n"),
    );
    site.services(&[job("", "true")]);
    let run = site.installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    for part in [
        "docker.build-failed",
        "RUN echo the cause is here",
        "the cause is here",
        "code: 3",
    ] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    site.source("app", "FRUM scratch\n");
    let run = site.installation.run(&["deploy"]);
    assert!(run.stdout.contains("docker.dockerfile-invalid"), "{run}");
    std::fs::remove_file(site.installation.project().join("app/Dockerfile")).unwrap();
    let run = site.installation.run(&["deploy"]);
    assert!(run.stdout.contains("docker.dockerfile-missing"), "{run}");
}

#[test]
fn what_the_classic_builder_cannot_do_is_done_by_buildkit() {
    let site = Site::new("docker-kit");
    let cached = "RUN --mount=type=cache,target=/cache echo kept > /cache/x && cp /cache/x /x\n";
    site.source("app", &format!("{BASE}{cached}"));
    site.services(&[job("", "cat /x")]);
    let run = site.installation.succeed(&["deploy"]);
    for part in ["building with BuildKit", "job deploy | kept"] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
    let failing = "RUN --mount=type=cache,target=/cache echo the cause && exit 3\n";
    site.source("app", &format!("{BASE}{failing}"));
    let run = site.installation.run(&["deploy"]);
    for part in ["docker.build-failed", "the cause", "exit code: 3"] {
        assert!(run.stdout.contains(part), "{part}\n{run}");
    }
}

#[test]
fn a_secret_is_in_the_environment_of_the_container_and_nowhere_else() {
    const SECRET: &str = "correct-horse-battery";
    let site = Site::new("docker-secret");
    let file = site
        .installation
        .write("../secrets.env", &format!("TOKEN: {SECRET}\n"));
    let host = site.docker.host();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    site.installation.configure(&format!(
        "docker: {{ host: '{host}' }}\nsecrets: {{ file: {} }}\n",
        file.display()
    ));
    site.source("app", &format!("{BASE}RUN true\n"));
    let tell = "echo it is ${#TOKEN} long; echo $TOKEN";
    let service = job("", tell) + "    variables: { TOKEN: { secret: TOKEN } }\n";
    site.services(&[service]);
    let mut command = site.installation.command(&["deploy"]);
    let run = command
        .env("STAGEWRIGHT_LOG", "warn,bollard=trace")
        .output()
        .unwrap();
    let run = crate::installation::Run::from(run);
    assert_eq!(run.code, Some(0), "{run}");
    assert!(
        run.stdout.contains(&format!("it is {} long", SECRET.len())),
        "{run}"
    );
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET));
    let name = format!("stagewright-{}-job-1", site.environment);
    let inspect = |what: &str| site.docker.cli(&["inspect", "--format", what, &name]);
    assert!(inspect("{{json .Config.Env}}").contains(SECRET));
    for what in [
        "{{json .Config.Labels}}",
        "{{json .Config.Cmd}}",
        "{{json .Args}}",
    ] {
        assert!(!inspect(what).contains(SECRET), "{what}");
    }
    let image = inspect("{{.Image}}");
    let history = site.docker.cli(&["history", "--no-trunc", &image]);
    assert!(!history.contains(SECRET));
    let found = std::process::Command::new("grep")
        .args([
            "--recursive",
            "--files-with-matches",
            "--fixed-strings",
            SECRET,
        ])
        .arg(site.installation.state())
        .output()
        .unwrap();
    assert!(
        found.stdout.is_empty(),
        "{}",
        String::from_utf8_lossy(&found.stdout)
    );
}
