//! A whole environment of containers through its life.

use super::{BASE, Client, Site, web};

/// A database that counts its starts on its volume and shows them to those who ask.
const DATABASE: &str = r#"
  db:
    type: database
    source: { path: db }
    deploy: { with: { volumes: { data: /data }, stop_grace: 1s } }
    ports: [{ name: sql, port: 5432 }]
    health: { tcp: { port: sql }, interval: 50ms, within: 30s }
"#;

/// A job that asks the database by its name.
const MIGRATION: &str = r#"
  migrate:
    type: job
    source: { path: migrate }
    needs: [db]
    variables: { DB: "{{db.host}}:{{db.port}}" }
"#;

fn shop(site: &Site) {
    let count = "echo started >> /data/starts; exec httpd -f -p 5432 -h /data";
    site.source("db", &format!("{BASE}CMD [\"sh\", \"-c\", \"{count}\"]\n"));
    let migrate =
        "wget -q -O- http://$DB/starts && echo '{\\\"schema\\\":\\\"3\\\"}' > $STAGEWRIGHT_OUTPUT";
    site.source(
        "migrate",
        &format!("{BASE}CMD [\"sh\", \"-c\", \"{migrate}\"]\n"),
    );
    site.greeter("web", "one");
    site.greeter("other", "other");
    site.getent("other");
}

fn file(site: &Site) {
    let web_ = web("web", "    variables: { SCHEMA: \"{{migrate.schema}}\" }\n");
    site.services(&[DATABASE.into(), MIGRATION.into(), web_, web("other", "")]);
}

#[test]
fn an_environment_is_deployed_changed_rolled_back_stopped_started_and_destroyed() {
    let site = Site::new("docker-life");
    shop(&site);
    file(&site);
    let run = &site.installation;
    let deployed = run.succeed(&["deploy"]);
    assert!(
        deployed.stdout.contains("migrate deploy | started"),
        "{deployed}"
    );
    assert_eq!(site.within("web", &["sh", "-c", "echo $SCHEMA"]), "3");
    let printed = run.succeed(&["logs", "--release", "--service", "migrate"]);
    assert_eq!(printed.stdout.trim(), "started", "{printed}");
    assert_eq!(
        site.within("other", &["wget", "-q", "-O-", "http://web:8080/"]),
        "one"
    );

    // Changed under load: the one alone, and nobody is left without an answer.
    let untouched = site.container("other");
    let mut client = Client::new(&site, "other");
    client.until("one", 20);
    site.greeter("web", "two");
    let plan = run.succeed(&["plan"]);
    assert!(plan.stdout.contains("the container of web"), "{plan}");
    let changed = run.succeed(&["deploy"]);
    assert!(!changed.stdout.contains("other build started"), "{changed}");
    client.until("two", 20);
    let failed = client
        .answers
        .iter()
        .filter(|answer| !matches!(answer.as_str(), "one" | "two"));
    assert_eq!(failed.count(), 0, "{:?}", client.answers);
    drop(client);
    assert_eq!(site.container("other"), untouched);

    run.succeed(&["rollback"]);
    assert_eq!(
        site.within("other", &["wget", "-q", "-O-", "http://web:8080/"]),
        "one"
    );

    run.succeed(&["stop"]);
    assert_eq!(site.container("web"), "");
    run.succeed(&["start"]);
    assert_eq!(
        site.within("other", &["wget", "-q", "-O-", "http://web:8080/"]),
        "one"
    );
    run.succeed(&["restart"]);
    // The volume has seen every start, and nobody else's.
    let starts = site.within("db", &["cat", "/data/starts"]);
    assert_eq!(starts.lines().count(), 3, "{starts}");

    run.succeed(&["destroy", "--yes"]);
    assert_eq!(site.objects(), ["stagewright-docker-life-db-data"]);
    run.succeed(&["deploy"]);
    let starts = site.within("db", &["cat", "/data/starts"]);
    assert_eq!(starts.lines().count(), 4, "{starts}");
    run.succeed(&["destroy", "--yes", "--data"]);
    assert!(site.objects().is_empty(), "{:?}", site.objects());
}

#[test]
fn two_environments_do_not_see_each_other() {
    let sites = [Site::new("docker-left"), Site::new("docker-right")];
    for site in &sites {
        site.greeter("web", site.environment);
        site.services(&[web("web", "")]);
        site.installation.succeed(&["deploy"]);
    }
    for site in &sites {
        let said = site.within("web", &["wget", "-q", "-O-", "http://web:8080/"]);
        assert_eq!(said, site.environment);
    }
    let [left, right] = sites;
    left.installation.succeed(&["destroy", "--yes", "--data"]);
    assert!(left.objects().is_empty());
    assert_eq!(right.objects().len(), 2, "{:?}", right.objects());
}

#[test]
fn a_fixed_port_of_the_machine_means_a_gap_that_is_announced() {
    let site = Site::new("docker-port");
    let port = crate::environment::free_port();
    let publish = web("web", "").replace(
        "stop_grace: 1s",
        &format!("stop_grace: 1s, publish: {{ http: {port} }}"),
    );
    site.greeter("web", "one");
    site.services(&[publish]);
    site.installation.succeed(&["deploy"]);
    assert_eq!(crate::environment::get(port, "/").as_deref(), Some("one"));
    site.greeter("web", "two");
    let plan = site.installation.succeed(&["plan"]);
    assert!(
        plan.stdout.contains("it stops before the new one starts"),
        "{plan}"
    );
    site.installation.succeed(&["deploy"]);
    assert_eq!(crate::environment::get(port, "/").as_deref(), Some("two"));

    // One that never gets ready gives the place back.
    site.source("web", &format!("{BASE}CMD [\"false\"]\n"));
    let run = site.installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    assert!(run.stdout.contains("was started again"), "{run}");
    assert_eq!(crate::environment::get(port, "/").as_deref(), Some("two"));
}
