//! The reference for everything about the sandbox: the same component in wasmtime alone, with
//! its pool and its pre-linked instances, and without limits, deadlines, cancellation, log or
//! grants.

#[allow(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
mod bindings {
    wasmtime::component::bindgen!({
        inline: "
            package bench:raw;
            world raw {
                import stagewright:plugin/log@0.1.0;
                import stagewright:plugin/clock@0.1.0;
                export stagewright:plugin/deployer@0.1.0;
            }
        ",
        path: "../wit",
        world: "bench:raw/raw",
        imports: { default: async | trappable },
        exports: { default: async },
    });
}

use std::path::Path;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{
    Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store, bail,
};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use bindings::stagewright::plugin::{clock, log, types};

/// A component, linked, ready to be instantiated.
pub struct Raw {
    engine: Engine,
    deployer: bindings::RawPre<World>,
    service: types::Service,
}

/// What a store needs for a component with WASI.
struct World {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for World {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl types::Host for World {}

impl log::Host for World {
    async fn write(
        &mut self,
        _: log::Level,
        message: String,
        _: Vec<(String, String)>,
    ) -> Result<()> {
        std::hint::black_box(message);
        Ok(())
    }
}

impl clock::Host for World {
    async fn elapsed(&mut self) -> Result<u64> {
        Ok(0)
    }

    async fn remaining(&mut self) -> Result<Option<u64>> {
        Ok(None)
    }

    async fn sleep(&mut self, _: u32) -> Result<bool> {
        Ok(true)
    }
}

/// The same for everybody who does not know wasmtime.
pub fn told(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}

/// An engine with a pool, and nothing else that is not the default.
pub fn engine() -> Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(8)
        .total_core_instances(64)
        .total_memories(64)
        .total_tables(64)
        .total_stacks(16);
    let mut config = Config::new();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// Compiles the component into a file, for [`load`].
pub fn precompile(engine: &Engine, component: &[u8], file: &Path) -> Result<()> {
    Ok(std::fs::write(
        file,
        engine.precompile_component(component)?,
    )?)
}

/// Loads what [`precompile`] wrote.
#[expect(unsafe_code, reason = "wasmtime cannot check machine code")]
pub fn load(engine: &Engine, file: &Path) -> Result<Component> {
    // SAFETY: the callers hand in files that `precompile` wrote just now in this process.
    unsafe { Component::deserialize_file(engine, file) }
}

impl Raw {
    /// Compiles and links; calls are about a service with this configuration.
    pub fn new(component: &[u8], config: &str) -> Result<Self> {
        let engine = engine()?;
        let component = Component::new(&engine, component)?;
        let mut linker = Linker::<World>::new(&engine);
        log::add_to_linker::<_, HasSelf<_>>(&mut linker, |world| world)?;
        clock::add_to_linker::<_, HasSelf<_>>(&mut linker, |world| world)?;
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        let deployer = bindings::RawPre::new(linker.instantiate_pre(&component)?)?;
        Ok(Self {
            engine,
            deployer,
            service: service(config),
        })
    }

    /// One call of `observe` in a store of its own, and the end of the store.
    pub async fn observe(&self) -> Result<()> {
        let world = World {
            wasi: WasiCtxBuilder::new().build(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(&self.engine, world);
        let deployer = self.deployer.instantiate_async(&mut store).await?;
        let deployer = deployer.stagewright_plugin_deployer();
        let answer = deployer.call_observe(&mut store, &self.service).await?;
        match answer {
            Ok(_) => Ok(()),
            Err(failure) => bail!("the guest failed: {failure:?}"),
        }
    }
}

fn service(config: &str) -> types::Service {
    types::Service {
        environment: "bench".into(),
        name: "api".into(),
        kind: "application".into(),
        stage: "services".into(),
        image: None,
        source_path: None,
        ports: Vec::new(),
        variables: Vec::new(),
        health: None,
        config: config.into(),
    }
}
