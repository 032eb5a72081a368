//! Builds an image from a folder with the engine's own builder.

use std::collections::HashMap;

use bollard::errors::Error as Answer;
use bollard::models::{BuildInfo, BuildInfoAux};
use bollard::query_parameters::BuildImageOptions;
use futures::{StreamExt, pin_mut};
use tokio_util::sync::CancellationToken;

use super::build_output::BuildOutput;
use super::{Engine, Error, context, pipe};
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
        self.check(&recipe).await?;
        let client = self.patient().await?;
        let (sending, body) = pipe::sending();
        let interrupt = Interrupt::new();
        let (seen, dockerfile) = (interrupt.clone(), recipe.dockerfile.clone());
        let sent = tokio::task::spawn_blocking(move || {
            context::send(&folder, &dockerfile, sending, &seen)
        });
        let answers =
            client.build_image(options(recipe), None, Some(bollard::body_try_stream(body)));
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
        if let Some(BuildInfoAux::Default(made)) = info.aux {
            id = made.id.or(id);
        }
    }
    output.finish(print);
    id.ok_or_else(|| Ended::Build(output.explain("the builder has ended without an image")))
}

fn options(recipe: Recipe) -> BuildImageOptions {
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
        ..BuildImageOptions::default()
    }
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
