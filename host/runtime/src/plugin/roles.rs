//! The exports of a component, looked up and type-checked once, when it is loaded.

use wasmtime::component::{Component, InstancePre, Linker};

use crate::bindings::{builder, deployer, described, publisher};
use crate::call::StepError;
use crate::component::{Face, Role};
use crate::instance::Guest;

/// A component that is ready to be instantiated, seen as each of the things it is.
pub(crate) struct Roles {
    described: described::DescribedPluginPre<Guest>,
    builder: Option<builder::BuiltPluginPre<Guest>>,
    publisher: Option<publisher::PublishedPluginPre<Guest>>,
    deployer: Option<deployer::DeployedPluginPre<Guest>>,
}

impl Roles {
    /// # Errors
    /// When a function that it imports or exports has another signature than this host's.
    pub(crate) fn find(
        linker: &Linker<Guest>,
        component: &Component,
        face: &Face,
    ) -> wasmtime::Result<Self> {
        let pre: InstancePre<Guest> = linker.instantiate_pre(component)?;
        let has = |role| face.roles.contains(&role).then(|| pre.clone());
        Ok(Self {
            described: described::DescribedPluginPre::new(pre.clone())?,
            builder: has(Role::Builder)
                .map(builder::BuiltPluginPre::new)
                .transpose()?,
            publisher: has(Role::Publisher)
                .map(publisher::PublishedPluginPre::new)
                .transpose()?,
            deployer: has(Role::Deployer)
                .map(deployer::DeployedPluginPre::new)
                .transpose()?,
        })
    }

    pub(crate) fn described(&self) -> described::DescribedPluginPre<Guest> {
        self.described.clone()
    }

    pub(crate) fn builder(
        &self,
        plugin: &str,
    ) -> Result<builder::BuiltPluginPre<Guest>, StepError> {
        self.builder
            .clone()
            .ok_or_else(|| lacks(plugin, Role::Builder))
    }

    pub(crate) fn publisher(
        &self,
        plugin: &str,
    ) -> Result<publisher::PublishedPluginPre<Guest>, StepError> {
        self.publisher
            .clone()
            .ok_or_else(|| lacks(plugin, Role::Publisher))
    }

    pub(crate) fn deployer(
        &self,
        plugin: &str,
    ) -> Result<deployer::DeployedPluginPre<Guest>, StepError> {
        self.deployer
            .clone()
            .ok_or_else(|| lacks(plugin, Role::Deployer))
    }
}

fn lacks(plugin: &str, role: Role) -> StepError {
    StepError::Refused {
        plugin: plugin.to_owned(),
        why: format!("is no {role}"),
    }
}
