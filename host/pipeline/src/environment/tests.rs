//! Whole files: what is read from good ones, and everything that is said of bad ones.

use serde_json::json;

use super::*;

mod bad;
mod fuzz;
mod good;
mod random;

/// All that is said about a file, without its name.
fn problems(text: &str) -> Vec<String> {
    match read("f", text) {
        Ok(checked) => panic!("nothing was found wrong: {:?}", checked.environment),
        Err(problems) => {
            let lines = problems.to_string();
            lines
                .lines()
                .map(|line| line.trim_start_matches("f:").to_owned())
                .collect()
        }
    }
}

fn environment(text: &str) -> Environment {
    match read("f", text) {
        Ok(checked) => checked.environment,
        Err(problems) => panic!("{problems}"),
    }
}
