//! What goes wrong with containers, and what is told and left untouched then.

use super::{BASE, Site, web};

/// A failing deployment, and all that it printed.
fn fails(site: &Site) -> String {
    let run = site.installation.run(&["deploy"]);
    assert_eq!(run.code, Some(1), "{run}");
    run.stdout
}

#[test]
fn a_container_that_ends_at_once_and_one_that_is_never_well_are_told_and_gone() {
    let site = Site::new("docker-ill");
    site.source(
        "web",
        &format!("{BASE}CMD [\"sh\", \"-c\", \"echo my last words; exit 3\"]\n"),
    );
    site.services(&[web("web", "")]);
    let said = fails(&site);
    for part in ["docker.not-ready", "exit code 3", "my last words"] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let check = "HEALTHCHECK --interval=100ms --retries=2 CMD echo not today; false\n";
    site.source("web", &format!("{BASE}{check}CMD [\"sleep\", \"1000\"]\n"));
    let own = web("web", "");
    let lines = own.lines().filter(|line| !line.contains("health:"));
    site.services(&[lines.map(|line| format!("{line}\n")).collect()]);
    let said = fails(&site);
    assert!(said.contains("not today"), "{said}");
    let check = "HEALTHCHECK --interval=100ms CMD true\n";
    site.source("web", &format!("{BASE}{check}CMD [\"sleep\", \"1000\"]\n"));
    site.installation.succeed(&["deploy"]);
}

#[test]
fn a_container_that_takes_too_much_memory_is_told() {
    let site = Site::new("docker-oom");
    let eat = "x=a; while :; do x=$x$x; done";
    site.source("web", &format!("{BASE}CMD [\"sh\", \"-c\", \"{eat}\"]\n"));
    let greedy = web("web", "").replace("stop_grace: 1s", "stop_grace: 1s, memory: 16MiB");
    site.services(&[greedy]);
    let said = fails(&site);
    assert!(
        said.contains("out of memory") || said.contains("exit code"),
        "{said}"
    );
}

#[test]
fn what_is_foreign_is_named_and_never_touched() {
    let site = Site::new("docker-foreign");
    site.greeter("web", "one");
    site.services(&[web("web", "")]);
    site.installation.succeed(&["deploy"]);
    let image = site
        .docker
        .cli(&["inspect", "--format", "{{.Image}}", &site.container("web")]);
    site.installation.succeed(&["destroy", "--yes"]);
    let docker = site.docker;

    let name = "stagewright-docker-foreign-web-1";
    docker.cli(&["create", "--name", name, "--label", "of=somebody", &image]);
    let said = fails(&site);
    assert!(
        said.contains("docker.name-taken") && said.contains("of=somebody"),
        "{said}"
    );
    assert_eq!(
        docker.cli(&["inspect", "--format", "{{.State.Status}}", name]),
        "created"
    );
    docker.cli(&["rm", name]);

    let name = "stagewright-docker-foreign";
    docker.cli(&["network", "create", name]);
    let said = fails(&site);
    assert!(
        said.contains("docker.name-taken") && said.contains("network"),
        "{said}"
    );
    docker.cli(&["network", "rm", name]);

    let name = "stagewright-docker-foreign-web-data";
    docker.cli(&["volume", "create", name]);
    let mounted = web("web", "").replace("stop_grace: 1s", "stop_grace: 1s, volumes: { data: /d }");
    site.services(&[mounted]);
    let said = fails(&site);
    assert!(
        said.contains("docker.name-taken") && said.contains("volume"),
        "{said}"
    );
    site.installation.succeed(&["destroy", "--yes", "--data"]);
    docker.cli(&["volume", "rm", name]);

    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let publish = format!(
        "stop_grace: 1s, publish: {{ http: {} }}",
        held.local_addr().unwrap().port()
    );
    site.services(&[web("web", "").replace("stop_grace: 1s", &publish)]);
    let said = fails(&site);
    assert!(said.contains("docker.port-taken"), "{said}");
    assert!(site.objects().is_empty(), "{:?}", site.objects());
}

#[test]
fn an_engine_that_does_not_run_is_told_with_the_way_out() {
    let site = Site::new("docker-none");
    site.greeter("web", "one");
    site.services(&[web("web", "")]);
    let usable = format!("docker: {{ host: '{}' }}\n", site.docker.host());
    let absent = "docker: { host: 'unix:///nowhere/docker.sock' }\n";
    site.installation.configure(absent);
    let said = fails(&site);
    assert!(
        said.contains("docker.unreachable") && said.contains("/nowhere/docker.sock"),
        "{said}"
    );
    assert!(said.contains("systemctl start docker"), "{said}");
    site.installation.configure(&usable);
}
