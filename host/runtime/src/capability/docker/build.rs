//! Builds an image from a folder with one of the engine's own builders: the classic one, and
//! BuildKit for what that cannot do.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use bollard::errors::Error as Answer;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::{BuildImageOptions, BuilderVersion};
use futures::{StreamExt, pin_mut};
use tokio_util::sync::CancellationToken;

use super::build_output::BuildOutput;
use super::{Engine, Error, context, pipe};
use crate::capability::images::Digest;
use crate::folder::{Folder, Interrupt};

/// How an image is built.
#[derive(Clone, Debug, Default)]
pub(super) struct Recipe {
    /// Relative to the context.
    pub(super) dockerfile: String,
    pub(super) target: Option<String>,
    pub(super) arguments: Vec<(String, String)>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) platform: Option<String>,
    pub(super) cache_from: Vec<String>,
    pub(super) no_cache: bool,
}

impl Engine {
    /// Builds, and answers with what the engine calls the image. When the token fires the
    /// request is given up, which ends the build in the engine.
    pub(super) async fn build(
        &self,
        folder: Folder,
        recipe: Recipe,
        token: &CancellationToken,
        print: &mut (dyn FnMut(&str) + Send),
    ) -> Result<String, Error> {
        let classic = match self.check(&recipe).await {
            Ok(()) => {
                let (folder, recipe) = (folder.clone(), recipe.clone());
                let version = BuilderVersion::BuilderV1;
                self.build_by(version, folder, recipe, token, print).await
            }
            Err(error) => Err(error),
        };
        let Err(Error::NeedsBuildkit { what }) = classic else {
            return classic;
        };
        if !self.info().await?.buildkit {
            return Err(Error::NeedsBuildkit { what });
        }
        print(&format!("{what}: building with BuildKit"));
        let version = BuilderVersion::BuilderBuildKit;
        self.build_by(version, folder, recipe, token, print).await
    }

    async fn build_by(
        &self,
        version: BuilderVersion,
        folder: Folder,
        recipe: Recipe,
        token: &CancellationToken,
        print: &mut (dyn FnMut(&str) + Send),
    ) -> Result<String, Error> {
        let client = self.patient().await?;
        let (sending, body) = pipe::sending();
        let interrupt = Interrupt::new();
        let (seen, dockerfile) = (interrupt.clone(), recipe.dockerfile.clone());
        let sent = tokio::task::spawn_blocking(move || {
            context::send(&folder, &dockerfile, sending, &seen)
        });
        let answers = client.build_image(
            options(recipe, version),
            None,
            Some(bollard::body_try_stream(body)),
        );
        let followed = follow(answers, print);
        let outcome = tokio::select! {
            outcome = followed => Some(outcome),
            () = token.cancelled() => None,
        };
        if outcome.is_none() {
            interrupt.raise();
        }
        let sent = sent.await.map_err(|error| Error::Broken {
            what: "the context of the build".to_owned(),
            cause: error.to_string(),
        })?;
        match (outcome, sent) {
            (None, _) => Err(Error::Cancelled("the build")),
            (Some(Ok(id)), _) => Ok(id),
            // What could not be read explains why the engine was not content. That it takes no
            // more explains nothing: it has said why.
            (_, Err(error)) if !is_broken_pipe(&error) => Err(error),
            (Some(Err(Ended::Build(error))), _) => Err(error),
            (Some(Err(Ended::Answer(answer))), _) => Err(self.failed("a build")(answer)),
        }
    }

    /// Refuses what this builder cannot do before anything is sent.
    async fn check(&self, recipe: &Recipe) -> Result<(), Error> {
        let Some(platform) = &recipe.platform else {
            return Ok(());
        };
        if *platform == self.info().await?.platform {
            return Ok(());
        }
        let what = format!("an image for {platform}");
        Err(Error::NeedsBuildkit { what })
    }
}

/// Why no image came of it.
enum Ended {
    Build(Error),
    Answer(Answer),
}

async fn follow(
    answers: impl futures::Stream<Item = Result<BuildInfo, Answer>>,
    print: &mut (dyn FnMut(&str) + Send),
) -> Result<String, Ended> {
    pin_mut!(answers);
    let mut output = BuildOutput::default();
    let mut id = None;
    while let Some(answer) = answers.next().await {
        let info = match answer {
            Ok(info) => info,
            Err(Answer::DockerStreamError { error }) => {
                output.finish(print);
                return Err(Ended::Build(output.explain(&error)));
            }
            Err(Answer::DockerResponseServerError {
                status_code: 400,
                message,
            }) => {
                return Err(Ended::Build(output.explain(&message)));
            }
            Err(answer) => return Err(Ended::Answer(answer)),
        };
        if let Some(text) = &info.stream {
            output.take(text, print);
        }
        match info.aux {
            Some(BuildInfoAux::Default(made)) => id = made.id.or(id),
            Some(BuildInfoAux::BuildKit(status)) => {
                for vertex in &status.vertexes {
                    let has_begun = vertex.started.is_some();
                    output.vertex(&vertex.name, has_begun, !vertex.error.is_empty(), print);
                }
                for said in &status.logs {
                    output.take(&String::from_utf8_lossy(&said.msg), print);
                }
            }
            None => {}
        }
    }
    output.finish(print);
    id.ok_or_else(|| Ended::Build(output.explain("the builder has ended without an image")))
}

fn options(recipe: Recipe, version: BuilderVersion) -> BuildImageOptions {
    let map = |pairs: Vec<(String, String)>| (!pairs.is_empty()).then(|| HashMap::from_iter(pairs));
    BuildImageOptions {
        dockerfile: recipe.dockerfile,
        target: recipe.target.unwrap_or_default(),
        buildargs: map(recipe.arguments),
        labels: map(recipe.labels),
        platform: recipe.platform.unwrap_or_default(),
        cachefrom: (!recipe.cache_from.is_empty()).then_some(recipe.cache_from),
        nocache: recipe.no_cache,
        rm: true,
        forcerm: true,
        session: (version == BuilderVersion::BuilderBuildKit).then(session),
        version,
        ..BuildImageOptions::default()
    }
}

/// A name for the conversation beside a build, which no other build has.
fn session() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let moment = SystemTime::now();
    let text = format!("{} {moment:?} {number}", std::process::id());
    Digest::of(text.as_bytes()).hex()
}

fn is_broken_pipe(error: &Error) -> bool {
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(cause) = next {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::BrokenPipe;
        }
        next = cause.source();
    }
    false
}
