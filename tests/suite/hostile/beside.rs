//! Reads from the events of a deployment how rogues ended and whether honest services were
//! disturbed.

use serde_json::Value;

use super::stage::honest;

/// What a rogue's error has to say: its code, and words of its message or hint.
pub struct Told<'a> {
    pub code: &'a str,
    pub words: &'a [&'a str],
}

/// The events of one deployment.
pub struct Events<'a>(pub &'a [Value]);

impl<'a> Events<'a> {
    fn position(&self, fits: impl Fn(&Value) -> bool) -> Option<usize> {
        self.0.iter().position(fits)
    }

    /// Where a service ended, and how.
    fn end(&self, service: &str) -> Option<(usize, &'a str)> {
        let at = self.position(|e| e["event"] == "service.ended" && e["service"] == service)?;
        Some((at, self.0[at]["result"].as_str()?))
    }

    /// The error of a service, in its step or in its assessment.
    pub fn error(&self, service: &str) -> Option<&'a Value> {
        let mut own = self.0.iter().filter(|e| e["service"] == service);
        own.find_map(|event| event.get("error"))
    }

    /// What is wrong with the honest services of a stage.
    pub fn honest(&self, stage: &str) -> Vec<String> {
        let mut defects = Vec::new();
        for name in honest(stage) {
            match self.end(&name) {
                Some((_, "succeeded")) => {}
                other => defects.push(format!("honest {name}: {other:?} {:?}", self.error(&name))),
            }
        }
        defects
    }

    /// Honest services that did not end before the rogue did.
    pub fn disturbed(&self, stage: &str, rogue: &str) -> Vec<String> {
        let rogue_ended = self.end(rogue).map(|(at, _)| at);
        let late = honest(stage).into_iter().filter(|name| {
            let ended = self.end(name).map(|(at, _)| at);
            ended.is_none() || ended > rogue_ended
        });
        late.map(|name| format!("{name} did not end before {rogue}"))
            .collect()
    }

    /// What a rogue's end lacks.
    pub fn told(&self, rogue: &str, told: &Told<'_>) -> Vec<String> {
        let mut defects = Vec::new();
        match self.end(rogue) {
            Some((_, "failed")) => {}
            other => defects.push(format!("{rogue} ended as {other:?}")),
        }
        let Some(error) = self.error(rogue) else {
            defects.push(format!("{rogue} has no error"));
            return defects;
        };
        if error["code"] != told.code {
            defects.push(format!("{rogue}: not {}: {error}", told.code));
        }
        let text = format!("{} {}", error["message"], error["hint"]);
        let unsaid = told.words.iter().filter(|word| !text.contains(**word));
        defects.extend(unsaid.map(|word| format!("{rogue} does not say {word}: {error}")));
        defects
    }

    /// What is wrong with the slot that a rogue held in this step: the next step that starts in
    /// the deployment must take it, and succeed.
    pub fn slot(&self, rogue: &str, export: &str) -> Vec<String> {
        let phase = if export == "deploy" {
            "deploy"
        } else {
            "build"
        };
        let last = if export == "publish" { "push" } else { phase };
        let is = |e: &Value, what: &str, step: &str| {
            e["event"] == what && e["service"] == rogue && e["step"] == step
        };
        let held = self.position(|e| is(e, "step.started", phase));
        let freed = self.position(|e| is(e, "step.ended", last));
        let (Some(held), Some(freed)) = (held, freed) else {
            return vec![format!("{rogue} never held a slot")];
        };
        let mut after = self.0[freed..].iter();
        let Some(next) = after.find(|e| e["event"] == "step.started") else {
            return vec![format!("nothing started after {rogue}")];
        };
        let ended = after.find(|e| {
            let same = e["service"] == next["service"] && e["step"] == next["step"];
            e["event"] == "step.ended" && same
        });
        let same = next["slot"] == self.0[held]["slot"] && next["stage"] == self.0[held]["stage"];
        if same && ended.is_some_and(|e| e["result"] == "succeeded") {
            return Vec::new();
        }
        vec![format!("after {rogue}: {next} {ended:?}")]
    }
}
