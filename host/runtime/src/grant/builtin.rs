//! The grants that each built-in plugin has without any configuration.
//!
//! This table is what `plugin inspect` prints. An entry of the operator's configuration
//! replaces the whole row.

use super::{DockerGrant, Grants, ProcessGrant, RegistryGrant, SecretsGrant};

/// The grants of the built-in plugin of that name. `None`: there is none of that name here.
pub(crate) fn grants(name: &str) -> Option<Grants> {
    let declared = Some(RegistryGrant {
        declared: true,
        ..RegistryGrant::default()
    });
    let folders_and_images = Grants {
        workspace: true,
        images: true,
        registry: declared.clone(),
        ..Grants::default()
    };
    match name {
        "command" => Some(Grants {
            process: Some(ProcessGrant {
                declared: true,
                ..ProcessGrant::default()
            }),
            ..folders_and_images
        }),
        "static" | "image" => Some(folders_and_images),
        "layout" => Some(Grants {
            registry: None,
            ..folders_and_images
        }),
        "registry" => Some(Grants {
            registry: declared,
            ..Grants::default()
        }),
        "dockerfile" => Some(Grants {
            docker: Some(DockerGrant {
                build: true,
                ..DockerGrant::default()
            }),
            ..Grants::default()
        }),
        "docker" => Some(Grants {
            images: true,
            docker: Some(DockerGrant {
                run: true,
                ..DockerGrant::default()
            }),
            registry: declared,
            secrets: Some(SecretsGrant::default()),
            ..Grants::default()
        }),
        "process" => Some(Grants {
            images: true,
            process: Some(ProcessGrant {
                supervise: true,
                ..ProcessGrant::default()
            }),
            probe: true,
            secrets: Some(SecretsGrant::default()),
            registry: declared,
            ..Grants::default()
        }),
        _ => None,
    }
}
