//! What a service is made from, and the fields that only some types have.

use super::super::document::child;
use super::super::file::{Duration, HealthFile, Run, RunFile, ServiceType, SourceFile};
use super::super::path::{self, Outside};
use super::super::schedule::Schedule;
use super::{Check, Entry};

/// The longest time that can be asked for anywhere: thirty days.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(30 * 24 * 3600);

impl<'a> Check<'a> {
    pub(super) fn sources(&mut self) {
        for entry in self.entries().values() {
            self.origin(entry);
            if let Some(source) = &entry.service.source {
                let pointer = child(&entry.pointer, "source");
                self.paths(&pointer, source);
                if self.sound(&pointer) {
                    self.revision(&pointer, source);
                }
            }
        }
    }

    /// Image or source: what a type needs, and never both.
    fn origin(&mut self, entry: &Entry<'a>) {
        let (name, kind) = (entry.name, entry.service.kind);
        let image = entry.service.image.is_some();
        let source = entry.service.source.is_some();
        if image && source {
            let message = format!("`{name}` has both an `image` and a `source`");
            let hint = "keep `source` to build it, `image` to run what exists";
            self.report_key(&child(&entry.pointer, "image"), message, hint);
        } else if !source && kind == ServiceType::Application && self.complete(&entry.pointer) {
            let message = format!("`{name}` is an application without a `source`");
            let hint = match image {
                true => "to run an existing image, make it a `container`",
                false => "say where its source is, as in `source: { path: . }`",
            };
            self.report_key(&entry.pointer, message, hint);
        } else if !image && !source && self.needs_origin(entry) && self.complete(&entry.pointer) {
            let message = format!("`{name}` has neither an `image` nor a `source`");
            let hint = "name an image to run, or the source to build one from";
            self.report_key(&entry.pointer, message, hint);
        }
    }

    /// A database may be one that its deployer makes or rents; everything else runs an image.
    fn needs_origin(&self, entry: &Entry<'a>) -> bool {
        entry.service.kind != ServiceType::Database || self.deployer(entry).is_none()
    }

    fn paths(&mut self, pointer: &str, source: &SourceFile) {
        let own = source
            .path
            .iter()
            .map(|path| (child(pointer, "path"), path));
        let included = source.include.iter().enumerate();
        let included = included.map(|(at, path)| (format!("{pointer}/include/{at}"), path));
        for (pointer, path) in own.chain(included) {
            let Err(outside) = path::check(path) else {
                continue;
            };
            let message = match outside {
                Outside::Absolute => "the path is absolute",
                Outside::Parent => "the path leaves its tree with `..`",
                Outside::Nul => "the path has a NUL in it",
            };
            let tree = match source.git {
                Some(_) => "the repository",
                None => "the folder of this file",
            };
            let hint = format!("write it relative to {tree}");
            self.report(&pointer, message.to_owned(), hint);
        }
    }

    fn revision(&mut self, pointer: &str, source: &SourceFile) {
        let fields = [
            ("branch", source.branch.is_some()),
            ("tag", source.tag.is_some()),
            ("commit", source.commit.is_some()),
        ];
        let given: Vec<&str> = fields
            .iter()
            .filter(|(_, is)| *is)
            .map(|(name, _)| *name)
            .collect();
        match (&source.git, given.as_slice()) {
            (None, given) => {
                for field in given {
                    let message = format!("`{field}` without `git`");
                    let hint = "name the repository, or remove it";
                    self.report_key(&child(pointer, field), message, hint);
                }
            }
            (Some(_), []) => {
                let message = "a git source needs one of `branch`, `tag` and `commit`".to_owned();
                self.report_key(
                    &child(pointer, "git"),
                    message,
                    "write one, as in `branch: main`",
                );
            }
            (Some(_), [_]) => {}
            (Some(_), [first, rest @ ..]) => {
                for field in rest {
                    let message =
                        format!("`{field}` beside `{first}`: a git source has one revision");
                    self.report_key(&child(pointer, field), message, "keep one of them");
                }
            }
        }
        if source.git.as_deref().is_some_and(has_password) {
            let message = "the address of the repository has a password in it".to_owned();
            let hint = "remove it here and change it there; git's credentials are the operator's";
            self.report(&child(pointer, "git"), message, hint);
        }
    }

    pub(super) fn job_fields(&mut self) {
        for entry in self.entries().values() {
            let (name, kind) = (entry.name, entry.service.kind);
            let is_job = kind == ServiceType::Job;
            let only_jobs = [
                ("run", entry.service.run.is_some()),
                ("schedule", entry.service.schedule.is_some()),
                ("idempotent", entry.service.idempotent),
            ];
            for (field, given) in only_jobs {
                if given && !is_job {
                    let message =
                        format!("`{field}` is for jobs, and `{name}` is of type `{kind}`");
                    self.report_key(&child(&entry.pointer, field), message, "remove it");
                }
            }
            self.occasions(entry);
            if is_job && entry.service.health.is_some() {
                let message =
                    format!("`{name}` is a job, which has no `health`: it is done when it ends");
                self.report_key(&child(&entry.pointer, "health"), message, "remove it");
            }
        }
    }

    fn occasions(&mut self, entry: &Entry<'_>) {
        let declared = entry
            .service
            .run
            .as_ref()
            .map_or(&[][..], RunFile::occasions);
        let run = child(&entry.pointer, "run");
        for (at, occasion) in declared.iter().enumerate() {
            if declared.iter().take(at).any(|before| before == occasion) {
                let message = "this occasion is in the list twice".to_owned();
                self.report(&format!("{run}/{at}"), message, "remove one");
            }
        }
        if declared.contains(&Run::OnDeploy) && declared.contains(&Run::OnChange) {
            let message = "`on-change` beside `on-deploy`: it runs in every deployment or only \
                           when something changed"
                .to_owned();
            self.report(&run, message, "keep one of them");
        }
        if let Some(Err(error)) = entry.service.schedule.as_deref().map(Schedule::parse) {
            let pointer = child(&entry.pointer, "schedule");
            let hint = "minute, hour, day, month and weekday, as in `0 3 * * *`: every day at 3";
            self.report(&pointer, error.to_string(), hint);
        }
    }

    pub(super) fn durations(&mut self) {
        for entry in self.entries().values() {
            let timeouts = &entry.service.timeouts;
            let mut durations = vec![
                ("timeouts/build", timeouts.build),
                ("timeouts/push", timeouts.push),
                ("timeouts/deploy", timeouts.deploy),
            ];
            if let Some(HealthFile {
                interval,
                timeout,
                within,
                ..
            }) = &entry.service.health
            {
                durations.push(("health/interval", *interval));
                durations.push(("health/timeout", *timeout));
                durations.push(("health/within", *within));
            }
            for (field, duration) in durations {
                self.duration(&format!("{}/{field}", entry.pointer), duration, false);
            }
            let backoff = entry.service.retry.backoff;
            self.duration(&format!("{}/retry/backoff", entry.pointer), backoff, true);
        }
    }

    fn duration(&mut self, pointer: &str, duration: Option<Duration>, may_be_nothing: bool) {
        let Some(Duration(duration)) = duration else {
            return;
        };
        let field = pointer.rsplit('/').next().unwrap_or_default();
        if duration.is_zero() && !may_be_nothing {
            self.report(
                pointer,
                format!("`{field}` must be more than nothing"),
                "write `1s` or more",
            );
        } else if duration > LONGEST {
            self.report(
                pointer,
                format!("`{field}` is longer than 30 days"),
                "write at most `720h`",
            );
        }
    }
}

/// Whether a URL says `://user:password@`.
fn has_password(url: &str) -> bool {
    let authority = url.split_once("://").map(|(_, rest)| rest);
    let authority = authority.and_then(|rest| rest.split('/').next());
    let user = authority.and_then(|authority| authority.rsplit_once('@'));
    user.is_some_and(|(user, _)| user.contains(':'))
}
