//! The volumes of a service. They outlive its containers, and go only when that is asked for.

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptions, RemoveVolumeOptions};

use super::labels::Owner;
use super::{Engine, Error};

impl Engine {
    /// What the engine calls the volume of that name of the service, which is made when it is
    /// not there.
    pub(super) async fn volume(&self, owner: &Owner, name: &str) -> Result<String, Error> {
        check(name)?;
        let name = format!("{}-{name}", owner.service_name());
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(owner.service_labels()),
            ..VolumeCreateRequest::default()
        };
        // The engine answers with the one that is there, whoever has made it.
        let made = self.client().await?.create_volume(request).await;
        let made = made.map_err(self.failed("a volume"))?;
        match owner.owns(Some(&made.labels)) {
            true => Ok(name),
            false => Err(Error::NameTaken {
                what: "volume",
                name,
                holder: super::container::holder(Some(&made.labels)),
            }),
        }
    }

    /// Removes all volumes of the service.
    pub(super) async fn remove_volumes(&self, owner: &Owner) -> Result<(), Error> {
        let client = self.client().await?;
        let options = ListVolumesOptions {
            filters: Some(owner.service_filters()),
        };
        let found = client.list_volumes(Some(options)).await;
        let found = found.map_err(self.failed("a list of volumes"))?;
        for volume in found.volumes.into_iter().flatten() {
            let removed = client
                .remove_volume(&volume.name, None::<RemoveVolumeOptions>)
                .await;
            match removed.map_err(self.failed("the removal of a volume")) {
                Ok(()) | Err(Error::Gone { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn check(name: &str) -> Result<(), Error> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    match !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        true => Ok(()),
        false => Err(Error::Invalid(
            "the name of a volume has 1 to 64 letters, digits, `_`, `-` and `.`".to_owned(),
        )),
    }
}
