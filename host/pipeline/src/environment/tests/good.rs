use super::*;

/// The example of the documentation.
pub(super) const SHOP: &str = r#"
name: shop
variables: { LOG_LEVEL: info }
limits: { build: 4, deploy: 4 }
overlap: none
stages:
  - { name: data, default_for: [database] }
  - { name: migrate, default_for: [job], on_failure: fail-fast, limits: { deploy: 1 } }
  - { name: services, default_for: [container, application] }
strategies:
  application: { build: builtin:command, push: builtin:layout, deploy: builtin:process }
  database:    { deploy: "oci://registry.example/acme/pg-operator:1.4" }
services:
  db:      { type: database, image: "oci:images/db", ports: [{ name: tcp, port: 5433 }] }
  schema:  { type: job, stage: migrate, source: { path: schema }, run: on-change }
  worker:  { type: application, source: { path: worker } }
  api:
    type: application
    source: { git: "https://git.example/acme/api.git", branch: main, path: api, include: [libs/common] }
    build:  { with: { steps: [["cargo", "build", "--release"]], outputs: ["target/release/api"] } }
    deploy: { with: { command: ["/app/api"] } }
    ports:  [{ name: http, port: 8080 }]
    health: { http: { port: http, path: /healthz }, interval: 1s, timeout: 5s }
    variables: { DATABASE_URL: "tcp://{{db.host}}:{{db.port}}", TOKEN: { secret: api-token } }
    needs: [worker]
    timeouts: { build: 30m }
    retry: { max: 2 }
"#;

#[test]
fn the_example_is_read_with_its_defaults_filled_in() {
    let shop = environment(SHOP);
    let stages: Vec<_> = shop
        .stages
        .iter()
        .map(|stage| (stage.name.as_str(), stage.limits))
        .collect();
    let limits = |build, deploy| StageLimits { build, deploy };
    assert_eq!(
        stages,
        [
            ("data", limits(4, 4)),
            ("migrate", limits(4, 1)),
            ("services", limits(4, 4))
        ]
    );
    let placed: Vec<_> = shop
        .services
        .iter()
        .map(|service| (service.name.as_str(), service.stage))
        .collect();
    assert_eq!(
        placed,
        [("db", 0), ("schema", 1), ("worker", 2), ("api", 2)]
    );

    let (_, db) = shop.service("db").unwrap();
    assert_eq!(db.strategy.build, PluginUse::default());
    assert_eq!(
        db.strategy.deploy.reference.as_deref(),
        Some("oci://registry.example/acme/pg-operator:1.4")
    );
    let (_, schema) = shop.service("schema").unwrap();
    assert_eq!(schema.run, [Run::OnChange]);
    let (_, api) = shop.service("api").unwrap();
    assert_eq!(api.needs, [2]);
    assert_eq!(api.retry.max, 2);
    assert_eq!(api.timeouts, Timeouts::default());
    assert_eq!(
        api.source,
        Some(Source {
            git: Some(Git {
                url: "https://git.example/acme/api.git".to_owned(),
                revision: Revision::Branch("main".to_owned()),
            }),
            path: "api".to_owned(),
            include: vec!["libs/common".to_owned()],
        })
    );
    assert_eq!(
        api.strategy.build.reference.as_deref(),
        Some("builtin:command")
    );
    assert_eq!(api.strategy.deploy.with["command"], json!(["/app/api"]));
    let variables: Vec<_> = api.variables.keys().map(String::as_str).collect();
    assert_eq!(variables, ["LOG_LEVEL", "DATABASE_URL", "TOKEN"]);
    assert_eq!(
        api.variables["TOKEN"],
        Variable::Secret("api-token".to_owned())
    );
}

#[test]
fn an_environment_without_stages_has_the_four_default_ones() {
    let env = environment(
        "name: shop\nservices:\n  a: {type: application, source: {}}\n  d: {type: database, image: x}\n",
    );
    let names: Vec<_> = env.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "0.DEFAULT DATABASE",
            "1.DEFAULT JOB",
            "2.DEFAULT CONTAINER",
            "3.DEFAULT APPLICATION"
        ]
    );
    assert_eq!(env.services[0].stage, 3);
    assert_eq!(env.services[1].stage, 0);
    assert_eq!(
        env.services_of(0)
            .map(|(index, _)| index)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn the_service_comes_before_the_environment() {
    let env = environment(
        "name: e\nvariables: {A: all, B: all}\nlimits: {build: 2}\n\
         strategies: {application: {build: 'builtin:static', deploy: ./d.wasm}}\n\
         services:\n  a: {type: application, source: {path: ./x/}, variables: {B: own}, build: {plugin: 'builtin:command'}}\n",
    );
    let service = &env.services[0];
    assert_eq!(
        service.variables["A"],
        Variable::Text(Template::literal("all"))
    );
    assert_eq!(
        service.variables["B"],
        Variable::Text(Template::literal("own"))
    );
    assert_eq!(
        service.strategy.build.reference.as_deref(),
        Some("builtin:command")
    );
    assert_eq!(service.strategy.push.reference, None);
    assert_eq!(
        service.strategy.deploy.reference.as_deref(),
        Some("./d.wasm")
    );
    assert_eq!(service.source.as_ref().unwrap().path, "x");
    assert_eq!(
        env.stages[3].limits,
        StageLimits {
            build: 2,
            deploy: 4
        }
    );
}

#[test]
fn numbers_in_variables_are_kept_as_they_are_written() {
    let env = environment(
        "name: e\nvariables: {V: 1.10, H: 0x1F, B: True, N: -0}\nservices: {a: {type: container, image: x, variables: {E: 1e3}}}\n",
    );
    let text = |name: &str| match &env.services[0].variables[name] {
        Variable::Text(template) => template.to_string(),
        Variable::Secret(name) => panic!("a secret: {name}"),
    };
    assert_eq!(
        ["V", "H", "B", "N", "E"].map(text),
        ["1.10", "0x1F", "true", "-0", "1e3"]
    );
}

#[test]
fn configuration_of_a_type_is_for_the_plugin_it_was_written_for() {
    let env = environment(
        "name: e\n\
         strategies: {application: {push: {plugin: ./p.wasm, with: {to: all, twice: true}}}}\n\
         services:\n  a: {type: application, source: {path: .}}\n  \
         b: {type: application, source: {path: .}, push: {with: {to: own}}}\n  \
         c: {type: application, source: {path: .}, push: {plugin: ./p.wasm}}\n  \
         d: {type: application, source: {path: .}, push: {plugin: ./q.wasm, with: {to: own}}}\n",
    );
    let push = |index: usize| &env.services[index].strategy.push;
    assert_eq!(push(0).reference.as_deref(), Some("./p.wasm"));
    assert_eq!(json!(push(0).with), json!({"to": "all", "twice": true}));
    assert_eq!(json!(push(1).with), json!({"to": "own", "twice": true}));
    assert_eq!(push(2).with, push(0).with);
    assert_eq!(push(3).reference.as_deref(), Some("./q.wasm"));
    assert_eq!(json!(push(3).with), json!({"to": "own"}));
}

#[test]
fn what_looks_wrong_but_is_not() {
    for text in [
        // A database that its deployer makes has no image.
        "name: e\nstrategies: {database: {deploy: ./rent.wasm}}\nservices: {d: {type: database}}",
        // Containers of another deployer have addresses of their own.
        "name: e\nstrategies: {container: {deploy: 'oci://r.example/k:1'}}\nservices:\n  a: {type: container, image: x, ports: [{name: p, port: 80}]}\n  b: {type: container, image: x, ports: [{name: p, port: 80}]}",
        // What is skipped listens nowhere.
        "name: e\nservices:\n  a: {type: container, image: x, ports: [{name: p, port: 80}]}\n  b: {type: container, image: x, skip: true, ports: [{name: p, port: 80}]}",
        // The same number, but another protocol.
        "name: e\nservices:\n  a: {type: container, image: x, ports: [{name: t, port: 53}, {name: u, port: 53, protocol: udp}]}",
        // An address is known from the start, so two services can know each other's.
        "name: e\nservices:\n  a: {type: container, image: x, variables: {B: '{{b.host}}'}}\n  b: {type: container, image: x, variables: {A: '{{a.host}}'}}",
        // An output in a service that is built, where nothing is built ahead.
        "name: e\noverlap: within-stage\nservices:\n  j: {type: job, image: x}\n  a: {type: application, source: {}, variables: {V: '{{j.version}}'}}",
        // The same, where things are built ahead, in a service that is not.
        "name: e\noverlap: across-stages\nservices:\n  j: {type: job, image: x}\n  c: {type: container, image: x, variables: {V: '{{j.version}}'}}",
    ] {
        assert_eq!(read("f", text).map(|_| ()), Ok(()), "{text}");
    }
}

#[test]
fn an_environment_comes_back_from_json() {
    let shop = environment(SHOP);
    let text = serde_json::to_string(&shop).unwrap();
    assert_eq!(serde_json::from_str::<Environment>(&text).unwrap(), shop);
}

#[test]
fn the_written_form_is_read_again() {
    let written = read("f", SHOP).unwrap().written;
    let again = read("f", &serde_json::to_string(&written).unwrap()).unwrap();
    assert_eq!(again.written, written);
}

#[test]
fn what_a_plugin_finds_is_placed_in_the_file() {
    let checked = read("shop.yaml", SHOP).unwrap();
    let (_, api) = checked.environment.service("api").unwrap();
    let pointer = Checked::pointer_to_with(api, Configured::Build);
    assert_eq!(pointer, "/services/api/build/with");
    let problem = checked.problem(&format!("{pointer}/steps/0/0"), "no such program", None);
    assert_eq!(problem.to_string(), "shop.yaml:20:32: no such program");

    let schema = json!({
        "properties": {"steps": {"type": "array"}, "output": {"type": "array"}},
        "required": ["output", "user"],
        "additionalProperties": false,
    });
    let schema = Form::new(schema).unwrap();
    let found = checked.check_with(api, Configured::Build, &api.strategy.build.with, &schema);
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "shop.yaml:20:15: `with` lacks the field `user`",
            "shop.yaml:20:65: unknown field `outputs`; did you mean `output`?",
        ]
    );
    let found = checked.check_with(api, Configured::Push, &api.strategy.push.with, &schema);
    assert_eq!(
        found[0].to_string(),
        "shop.yaml:17:3: `with` lacks the field `output`"
    );
}

#[test]
fn a_job_says_when_it_runs() {
    let text = "\
name: e
rollback: automatic
services:
  a: { type: job, image: x }
  b: { type: job, image: x, run: [on-deploy, on-stop, on-destroy] }
  c: { type: job, image: x, schedule: '0 3 * * *' }
  d: { type: job, image: x, schedule: '*/5 * * * *', run: on-rollback }
  e: { type: job, image: x, run: [] }
";
    let environment = read("e.yaml", text).unwrap().environment;
    assert_eq!(environment.rollback, Rollback::Automatic);
    let runs: Vec<_> = environment
        .services
        .iter()
        .map(|job| {
            (
                job.run.as_slice(),
                job.schedule.as_ref().map(ToString::to_string),
            )
        })
        .collect();
    let every = |text: &str| Some(text.to_owned());
    assert_eq!(
        runs,
        [
            (&[Run::OnDeploy][..], None),
            (&[Run::OnDeploy, Run::OnStop, Run::OnDestroy], None),
            (&[], every("0 3 * * *")),
            (&[Run::OnRollback], every("*/5 * * * *")),
            (&[], None),
        ]
    );
}
