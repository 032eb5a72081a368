//! Between the traits of this crate and the functions that the host calls: reads `with` into
//! the plugin's own type and hands the call on. Used by [`export!`](crate::export!) alone.

use std::marker::PhantomData;

use crate::bindings::{builder, deployer, plugin, publisher};
use crate::{
    Builder, Change, Deployer, Description, Directory, Failure, Image, Plugin, Problem, Publisher,
    Service, State, Step,
};

/// A plugin as the host sees it.
pub struct Adapter<P>(PhantomData<P>);

/// Asserts that a type has the role, where nothing is exported.
pub const fn builder<P: Builder>() {}

/// Asserts that a type has the role, where nothing is exported.
pub const fn publisher<P: Publisher>() {}

/// Asserts that a type has the role, where nothing is exported.
pub const fn deployer<P: Deployer>() {}

/// Has a panic told in the log of the step: to the host it is no more than a trap.
fn speak_of_panics() {
    #[cfg(target_arch = "wasm32")]
    std::panic::set_hook(Box::new(|panic| crate::log::error(panic.to_string())));
}

/// The first thing that every call of a role does.
fn configuration<P: Plugin>(service: &Service) -> Result<P::Config, Failure> {
    speak_of_panics();
    serde_json::from_str(&service.config).map_err(|error| {
        let message = format!(
            "The `with` block of `{}` cannot be read: {error}",
            service.name
        );
        Failure::new("config.invalid", message)
            .hint("`stagewright plugin inspect` shows the schema of the plugin.")
    })
}

impl<P: Plugin> plugin::exports::stagewright::plugin::plugin::Guest for Adapter<P> {
    fn describe() -> Description {
        speak_of_panics();
        P::describe()
    }

    fn validate(config: String) -> Vec<Problem> {
        speak_of_panics();
        match serde_json::from_str(&config) {
            Ok(config) => P::validate(&config),
            Err(error) => vec![Problem::new("", error.to_string())],
        }
    }
}

impl<P: Builder> builder::exports::stagewright::plugin::builder::Guest for Adapter<P> {
    fn inputs(
        service: Service,
        source: Option<&Directory>,
    ) -> Result<Vec<(String, String)>, Failure> {
        P::inputs(&service, configuration::<P>(&service)?, source)
    }

    fn build(
        step: Step,
        service: Service,
        source: Option<&Directory>,
        output: &Directory,
    ) -> Result<Image, Failure> {
        let config = configuration::<P>(&service)?;
        P::build(&step, &service, config, source, output)
    }
}

impl<P: Publisher> publisher::exports::stagewright::plugin::publisher::Guest for Adapter<P> {
    fn exists(service: Service, digest: String) -> Result<Option<String>, Failure> {
        P::exists(&service, configuration::<P>(&service)?, &digest)
    }

    fn publish(step: Step, service: Service, image: &Image) -> Result<String, Failure> {
        P::publish(&step, &service, configuration::<P>(&service)?, image)
    }
}

impl<P: Deployer> deployer::exports::stagewright::plugin::deployer::Guest for Adapter<P> {
    fn address(service: Service) -> Result<String, Failure> {
        P::address(&service, configuration::<P>(&service)?)
    }

    fn plan(service: Service, reference: Option<String>) -> Result<Vec<Change>, Failure> {
        P::plan(
            &service,
            configuration::<P>(&service)?,
            reference.as_deref(),
        )
    }

    fn deploy(step: Step, service: Service, reference: String) -> Result<State, Failure> {
        P::deploy(&step, &service, configuration::<P>(&service)?, &reference)
    }

    fn observe(service: Service) -> Result<State, Failure> {
        P::observe(&service, configuration::<P>(&service)?)
    }

    fn start(step: Step, service: Service) -> Result<State, Failure> {
        P::start(&step, &service, configuration::<P>(&service)?)
    }

    fn stop(step: Step, service: Service) -> Result<State, Failure> {
        P::stop(&step, &service, configuration::<P>(&service)?)
    }

    fn restart(step: Step, service: Service) -> Result<State, Failure> {
        P::restart(&step, &service, configuration::<P>(&service)?)
    }

    fn destroy(step: Step, service: Service, with_data: bool) -> Result<(), Failure> {
        P::destroy(&step, &service, configuration::<P>(&service)?, with_data)
    }
}

/// Makes a component of a plugin: `export!(Files: builder);`, or with several roles
/// `export!(Files: builder, publisher);`.
///
/// Compiled for a machine instead of for the sandbox it exports nothing and checks that the
/// type has the roles, so that a plugin's logic can be tested where it is written.
#[macro_export]
macro_rules! export {
    ($plugin:ty: $($role:ident),+ $(,)?) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Component = $crate::adapter::Adapter<$plugin>;
            $crate::bindings::plugin::export_plugin!(
                Component with_types_in $crate::bindings::plugin
            );
            $($crate::__export_role!($role, Component);)+
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            $($crate::adapter::$role::<$plugin>();)+
        };
    };
}

/// Finds the export macro of a role; a part of [`export!`](crate::export!).
#[doc(hidden)]
#[macro_export]
macro_rules! __export_role {
    (builder, $component:ident) => {
        $crate::bindings::builder::export_builder!(
            $component with_types_in $crate::bindings::builder
        );
    };
    (publisher, $component:ident) => {
        $crate::bindings::publisher::export_publisher!(
            $component with_types_in $crate::bindings::publisher
        );
    };
    (deployer, $component:ident) => {
        $crate::bindings::deployer::export_deployer!(
            $component with_types_in $crate::bindings::deployer
        );
    };
}
