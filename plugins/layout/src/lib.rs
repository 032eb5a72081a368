//! The built-in publisher `layout`: keeps images in the host's own OCI layout, where the
//! deployers of this machine find them. What is there already is not copied again.

use serde::Deserialize;
use stagewright_sdk::{Description, Failure, Image, Plugin, Publisher, Service, Step, images, log};

struct Layout;

/// The `with` block, in which there is nothing to say.
#[derive(Deserialize)]
struct Config {}

impl Plugin for Layout {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "layout",
            env!("CARGO_PKG_VERSION"),
            "Keeps images in the host's own image layout.",
        )
        .need("images", "", "to keep the image of the service")
    }
}

/// What the images of a service are kept under.
fn name(service: &Service) -> String {
    format!("{}/{}", service.environment, service.name)
}

impl Publisher for Layout {
    fn exists(service: &Service, _: Config, digest: &str) -> Result<Option<String>, Failure> {
        images::kept(&name(service), digest)
    }

    fn publish(_: &Step, service: &Service, _: Config, image: &Image) -> Result<String, Failure> {
        let reference = images::keep(image, &name(service))?;
        log::info(format!("kept as {reference}"));
        Ok(reference)
    }
}

stagewright_sdk::export!(Layout: publisher);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Layout>().is_empty());
        assert!(harness::problems::<Layout>(&json!({})).is_empty());
    }

    #[test]
    fn services_of_two_environments_do_not_share_a_name() {
        let mut api = harness::service("api");
        assert_eq!(name(&api), "test/api");
        api.environment = "shop".to_owned();
        assert_eq!(name(&api), "shop/api");
    }
}
