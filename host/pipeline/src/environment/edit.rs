//! Changes to the stages of an environment: created, renamed, described, moved, deleted.
//!
//! Pure functions on the file's types. A change that a later check could refuse for other
//! reasons (a need that now reaches into a later stage) is for [`read`](super::read) to judge,
//! because only it can tell where.

use super::file::{EnvironmentFile, Limits, OnFailure, StageFile};
use super::{near, resolve};

/// Why the stages stay as they are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// There is no such stage.
    #[error("there is no stage `{name}`; {hint}")]
    Unknown {
        /// The name that was asked for.
        name: String,
        /// Which there are.
        hint: String,
    },
    /// Another stage has the name, perhaps in other case.
    #[error("there is a stage `{0}` already; choose another name")]
    Taken(String),
    /// The stage is not empty.
    #[error("the stage `{stage}` still holds {services}; move them to another stage first")]
    NotEmpty {
        /// The stage.
        stage: String,
        /// The names of its services.
        services: String,
    },
    /// An environment has at least one stage.
    #[error("`{0}` is the only stage; create another one first")]
    Only(String),
    /// A stage cannot be put before or after itself.
    #[error("the stage `{0}` cannot be moved next to itself; name another one")]
    Itself(String),
}

/// Where a stage goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// To the front of another one.
    Before(&'a str),
    /// Behind another one.
    After(&'a str),
    /// Behind all.
    Last,
}

impl EnvironmentFile {
    /// Creates an empty stage.
    ///
    /// # Errors
    /// The name is taken, or the other stage does not exist.
    pub fn create_stage(&mut self, name: &str, place: Place<'_>) -> Result<(), EditError> {
        let mut stages = resolve::stages(self);
        free(&stages, name, None)?;
        let at = index_for(&stages, place)?;
        let stage = StageFile {
            name: name.to_owned(),
            description: None,
            default_for: Vec::new(),
            on_failure: OnFailure::default(),
            limits: Limits::default(),
        };
        stages.insert(at.min(stages.len()), stage);
        self.stages = Some(stages);
        Ok(())
    }

    /// Renames a stage, in the services that name it as well.
    ///
    /// # Errors
    /// The stage does not exist, or the new name is another one's.
    pub fn rename_stage(&mut self, name: &str, new: &str) -> Result<(), EditError> {
        let mut stages = resolve::stages(self);
        let at = find(&stages, name)?;
        free(&stages, new, Some(at))?;
        for service in self.services.values_mut() {
            if let Some(stage) = &mut service.stage
                && resolve::stage_named(&stages, stage) == Some(at)
            {
                *stage = new.to_owned();
            }
        }
        for stage in stages.iter_mut().skip(at).take(1) {
            stage.name = new.to_owned();
        }
        self.stages = Some(stages);
        Ok(())
    }

    /// Describes a stage; nothing removes its description.
    ///
    /// # Errors
    /// The stage does not exist.
    pub fn describe_stage(&mut self, name: &str, text: Option<&str>) -> Result<(), EditError> {
        let mut stages = resolve::stages(self);
        let at = find(&stages, name)?;
        for stage in stages.iter_mut().skip(at).take(1) {
            stage.description = text.map(str::to_owned);
        }
        self.stages = Some(stages);
        Ok(())
    }

    /// Moves a stage.
    ///
    /// # Errors
    /// One of the two stages does not exist, or they are the same.
    pub fn move_stage(&mut self, name: &str, place: Place<'_>) -> Result<(), EditError> {
        let mut stages = resolve::stages(self);
        let at = find(&stages, name)?;
        if let Place::Before(other) | Place::After(other) = place
            && find(&stages, other)? == at
        {
            return Err(EditError::Itself(name.to_owned()));
        }
        let stage = stages.remove(at);
        let to = index_for(&stages, place)?;
        stages.insert(to.min(stages.len()), stage);
        self.stages = Some(stages);
        Ok(())
    }

    /// Deletes an empty stage.
    ///
    /// # Errors
    /// The stage does not exist, holds services, which are named, or is the only one.
    pub fn delete_stage(&mut self, name: &str) -> Result<(), EditError> {
        let mut stages = resolve::stages(self);
        let at = find(&stages, name)?;
        let services = self.services.iter();
        let held = services
            .filter(|(_, service)| resolve::stage_of(&stages, service) == Some(at))
            .map(|(name, _)| name.as_str());
        if let Some(services) = near::list(held) {
            let stage = name.to_owned();
            return Err(EditError::NotEmpty { stage, services });
        }
        if stages.len() == 1 {
            return Err(EditError::Only(name.to_owned()));
        }
        stages.remove(at);
        self.stages = Some(stages);
        Ok(())
    }
}

fn find(stages: &[StageFile], name: &str) -> Result<usize, EditError> {
    resolve::stage_named(stages, name).ok_or_else(|| EditError::Unknown {
        name: name.to_owned(),
        hint: near::suggest(
            name,
            stages.iter().map(|stage| stage.name.as_str()),
            "there are none",
        ),
    })
}

/// Whether a name is free for a stage that may have it itself.
fn free(stages: &[StageFile], name: &str, own: Option<usize>) -> Result<(), EditError> {
    match resolve::stage_named(stages, name) {
        Some(at) if Some(at) != own => Err(EditError::Taken(name.to_owned())),
        _ => Ok(()),
    }
}

fn index_for(stages: &[StageFile], place: Place<'_>) -> Result<usize, EditError> {
    match place {
        Place::Before(other) => find(stages, other),
        Place::After(other) => find(stages, other).map(|at| at + 1),
        Place::Last => Ok(stages.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> EnvironmentFile {
        let text = "{name: shop, services: {db: {type: database, image: x}, \
                    api: {type: application, source: {}, stage: 3.default application}}}";
        super::super::read("f", text).unwrap().written
    }

    fn names(file: &EnvironmentFile) -> Vec<String> {
        let stages = file.stages.clone().unwrap();
        stages.into_iter().map(|stage| stage.name).collect()
    }

    #[test]
    fn stages_are_created_moved_and_deleted() {
        let mut file = file();
        file.create_stage("checks", Place::After("1.DEFAULT JOB"))
            .unwrap();
        file.move_stage("CHECKS", Place::Before("0.default database"))
            .unwrap();
        file.describe_stage("checks", Some("first of all")).unwrap();
        file.delete_stage("1.DEFAULT JOB").unwrap();
        assert_eq!(
            names(&file),
            [
                "checks",
                "0.DEFAULT DATABASE",
                "2.DEFAULT CONTAINER",
                "3.DEFAULT APPLICATION"
            ]
        );
        let stages = file.stages.clone().unwrap();
        assert_eq!(stages[0].description.as_deref(), Some("first of all"));
        file.move_stage("checks", Place::Last).unwrap();
        assert_eq!(names(&file).last().unwrap(), "checks");
    }

    #[test]
    fn a_renamed_stage_keeps_its_services() {
        let mut file = file();
        file.rename_stage("3.DEFAULT APPLICATION", "apps").unwrap();
        assert_eq!(file.services["api"].stage.as_deref(), Some("apps"));
        assert_eq!(
            file.rename_stage("apps", "Apps"),
            Ok(()),
            "only its case changes"
        );
    }

    #[test]
    fn what_cannot_be_done_says_why() {
        let mut file = file();
        let before = file.clone();
        let said = |result: Result<(), EditError>| result.unwrap_err().to_string();
        assert_eq!(
            said(file.delete_stage("0.DEFAULT DATABASE")),
            "the stage `0.DEFAULT DATABASE` still holds `db`; move them to another stage first"
        );
        assert_eq!(
            said(file.create_stage("1.default job", Place::Last)),
            "there is a stage `1.default job` already; choose another name"
        );
        assert_eq!(
            said(file.move_stage("1.DEFAULT JOB", Place::Before("2.DEFAULT CONTAINR"))),
            "there is no stage `2.DEFAULT CONTAINR`; did you mean `2.DEFAULT CONTAINER`?"
        );
        assert_eq!(
            said(file.move_stage("1.DEFAULT JOB", Place::After("1.DEFAULT JOB"))),
            "the stage `1.DEFAULT JOB` cannot be moved next to itself; name another one"
        );
        assert_eq!(file, before);
    }
}
