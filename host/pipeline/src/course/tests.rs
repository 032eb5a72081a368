use super::{Course, CourseError, CourseSpec, ServiceId, ServiceSpec, StageId, StageSpec};
use crate::action::{Action, Phase, Step};

fn spec(stages: u32, services: &[(&str, u32, &[u32])]) -> CourseSpec {
    CourseSpec {
        stages: (0..stages)
            .map(|n| StageSpec::new(format!("stage {n}")))
            .collect(),
        services: services
            .iter()
            .map(|&(name, stage, needs)| ServiceSpec {
                needs: needs.to_vec(),
                ..ServiceSpec::new(name, stage)
            })
            .collect(),
        ..CourseSpec::default()
    }
}

fn names(course: &Course, ids: &[ServiceId]) -> Vec<String> {
    ids.iter()
        .map(|&id| course.service_name(id).to_owned())
        .collect()
}

fn all(course: &Course) -> Vec<&str> {
    course.services().iter().map(|s| &*s.name).collect()
}

/// `late` needs `early` of the stage before and `side` of its own.
const SERVICES: &[(&str, u32, &[u32])] =
    &[("late", 1, &[2, 1]), ("side", 1, &[]), ("early", 0, &[])];

#[test]
fn services_stand_by_stage_and_then_as_in_the_file() {
    let course = Course::new(&spec(2, SERVICES), Action::Deploy).unwrap();
    assert_eq!(all(&course), ["early", "late", "side"]);
    assert_eq!(course.stages()[0].services, 0..1);
    assert_eq!(course.stages()[1].services, 1..3);
    let late = course.find("late").unwrap();
    assert_eq!(names(&course, course.needs(late)), ["early", "side"]);
    assert_eq!(
        names(&course, course.dependents(course.find("early").unwrap())),
        ["late"]
    );
    assert_eq!(
        course.step_id("shop-41", late, Step::Deploy),
        "shop-41/late/deploy"
    );
}

#[test]
fn what_takes_down_runs_backwards() {
    for action in [Action::Stop, Action::Destroy] {
        let course = Course::new(&spec(2, SERVICES), action).unwrap();
        assert_eq!(all(&course), ["late", "side", "early"]);
        assert_eq!(course.stage_name(StageId(0)), "stage 1");
        assert_eq!(course.services()[2].stage, StageId(1));
        assert_eq!(names(&course, course.needs(ServiceId(2))), ["late"]);
        assert_eq!(names(&course, course.needs(ServiceId(1))), ["late"]);
        assert!(course.needs(ServiceId(0)).is_empty());
        assert!(course.services().iter().all(|s| !s.builds));
    }
}

#[test]
fn only_destroy_takes_skipped_services() {
    let mut spec = spec(1, &[("a", 0, &[])]);
    spec.services[0].skipped = Some("for now".into());
    for action in [Action::Deploy, Action::Stop, Action::Start, Action::Restart] {
        let course = Course::new(&spec, action).unwrap();
        assert_eq!(course.services()[0].skipped.as_deref(), Some("for now"));
    }
    let course = Course::new(&spec, Action::Destroy).unwrap();
    assert_eq!(course.services()[0].skipped, None);
}

#[test]
fn bad_descriptions_are_refused_with_names() {
    let refused = |stages, services: &[(&str, u32, &[u32])], action| {
        Course::new(&spec(stages, services), action)
            .unwrap_err()
            .to_string()
    };
    for action in [Action::Deploy, Action::Destroy] {
        let circle = refused(
            1,
            &[("x", 0, &[]), ("a", 0, &[2, 0]), ("b", 0, &[1])],
            action,
        );
        assert!(circle.ends_with("a → b → a"), "{circle}");
        let own = refused(1, &[("a", 0, &[0])], action);
        assert!(own.ends_with("a → a"), "{own}");
        let later = refused(2, &[("a", 0, &[1]), ("b", 1, &[])], action);
        assert!(
            later.starts_with("service a needs b of the later stage stage 1"),
            "{later}"
        );
    }
    assert!(refused(1, &[("a", 3, &[])], Action::Deploy).contains("stage number 3"));
    assert!(refused(1, &[("a", 0, &[9])], Action::Deploy).contains("needs service number 9"));
    let mut none = spec(1, &[]);
    none.stages[0].deploy_limit = 0;
    let phase = Phase::Deploy;
    assert_eq!(
        Course::new(&none, Action::Deploy),
        Err(CourseError::NoSlots {
            stage: "stage 0".into(),
            phase
        })
    );
}

#[test]
fn the_description_survives_the_journal() {
    let before = spec(2, SERVICES);
    let json = serde_json::to_string(&before).unwrap();
    let after: CourseSpec = serde_json::from_str(&json).unwrap();
    assert_eq!(before, after);
}
