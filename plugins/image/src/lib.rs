//! The built-in builder `image`, for services that are not built from source: finds the image
//! that the service names, in an OCI layout beside the environment file or in a registry.
//!
//! A tag is resolved to a digest here, and the digest is an input: a tag that was moved is
//! noticed, one that was not leaves the service unchanged.

use serde::Deserialize;
use stagewright_sdk::{
    Builder, Description, Directory, Failure, Image, OrFail, Plugin, Service, Step, images, log,
};

struct Existing;

/// The `with` block, in which there is nothing to say.
#[derive(Deserialize)]
struct Config {}

impl Plugin for Existing {
    type Config = Config;

    fn describe() -> Description {
        Description::new(
            "image",
            env!("CARGO_PKG_VERSION"),
            "Finds an image that exists already.",
        )
        .need("images", "", "to find the image that the service names")
        .need("registry", "pull", "to find it in a registry")
    }
}

/// The image that the service names.
fn named(service: &Service) -> Result<&str, Failure> {
    let message = format!("`{}` names no image.", service.name);
    let named = service.image.as_deref().or_fail("image.unnamed", message);
    named.map_err(|failure| failure.hint("Add `image: \"oci:FOLDER:TAG\"` or `image: \"registry.example/team/app:tag\"` to the service."))
}

impl Builder for Existing {
    fn inputs(
        service: &Service,
        _: Config,
        _: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        let reference = named(service)?;
        let digest = images::find(reference)?.digest();
        Ok(vec![(format!("image {reference}"), digest)])
    }

    fn build(
        _: &Step,
        service: &Service,
        _: Config,
        _: Option<&Directory>,
        _: &Directory,
    ) -> Result<Image, Failure> {
        let reference = named(service)?;
        let image = images::find(reference)?;
        log::info(format!("{reference} is {}", image.digest()));
        Ok(image)
    }
}

stagewright_sdk::export!(Existing: builder);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stagewright_sdk::harness;

    use super::*;

    #[test]
    fn it_describes_itself_well() {
        assert!(harness::defects::<Existing>().is_empty());
        assert!(harness::problems::<Existing>(&json!({})).is_empty());
    }

    #[test]
    fn a_service_without_an_image_is_refused_with_a_way_out() {
        let mut db = harness::service("db");
        let failure = named(&db).unwrap_err();
        assert_eq!(failure.code, "image.unnamed");
        assert!(failure.hint.unwrap().contains("image:"));
        db.image = Some("oci:images/db".to_owned());
        assert_eq!(named(&db).unwrap(), "oci:images/db");
    }
}
