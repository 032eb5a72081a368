//! Descriptions of deployments, as a journal may hold them that another version wrote, or
//! nobody.

use stagewright_fuzz::{Finding, Shape, Target, Verdict};
use stagewright_pipeline::{Course, State};

use super::*;

fn description() -> Description {
    let text = "name: shop\nvariables: {L: info}\nservices:\n  db: {type: database, image: 'oci:db', \
                ports: [{name: sql, port: 5433}]}\n  migrate: {type: job, source: {git: g, branch: b}}\n  \
                api: {type: application, source: {path: .}, needs: [db], health: {tcp: {port: h}}, \
                ports: [{name: h, port: 80}], variables: {D: '{{db.host}}{{migrate.out}}', S: {secret: s}}}\n  \
                web: {type: application, source: {path: .}, needs: [api]}\n";
    let checked = stagewright_pipeline::environment::read("f", text).unwrap();
    let record = |name: &str| PluginRecord {
        name: name.to_owned(),
        digest: "sha256:0".to_owned(),
        config: "{}".to_owned(),
    };
    let environment = checked.environment;
    let subjects = environment.services.iter().map(|service| Subject {
        service: service.clone(),
        build: Some(record("builtin:command")),
        push: Some(record("builtin:layout")),
        deploy: record("builtin:process"),
        commit: None,
        takes_part: true,
    });
    Description {
        action: Action::Deploy,
        only: Vec::new(),
        with_data: false,
        folder: "/".into(),
        subjects: subjects.collect(),
        environment,
        cancel_grace: 30_000,
        earlier: Some(Earlier {
            deployment: 3,
            undoes: Some(4),
            images: [("web".to_owned(), "layout:web@sha256:00".to_owned())].into(),
            given: [("web".to_owned(), [("seed".to_owned(), Vec::new())].into())].into(),
        }),
    }
}

#[test]
fn descriptions() -> Result<(), Finding> {
    let target = Target::new("description", Shape::Json)
        .seed(serde_json::to_string(&description()).unwrap())
        .words(&[
            "stage",
            "needs",
            "stages",
            "limits",
            "build",
            "deploy",
            "destroy",
            "restart",
            "service",
            "subjects",
            "takes_part",
            "retry",
            "backoff",
            "timeouts",
            "1h",
            "{{a.b}}",
            "db",
            "api",
        ]);
    target.run(|input| {
        let Ok(description) = serde_json::from_slice::<Description>(input) else {
            return Verdict::Refused;
        };
        for subject in description.parts() {
            assert!(description.subject(&subject.service.name).is_some());
            let references = description.output_references(&subject.service).count();
            assert!(references <= input.len());
        }
        match Course::new(&description.course_spec(), description.action) {
            Ok(course) => {
                let parts = description.parts().count();
                assert_eq!(course.services().len(), parts);
                let state = State::new(std::sync::Arc::new(course));
                assert_eq!(state.running().count(), 0);
                Verdict::Accepted
            }
            Err(error) => {
                assert!(!error.to_string().is_empty());
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}
