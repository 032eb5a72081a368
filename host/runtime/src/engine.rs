//! The one wasmtime engine of the host, its pool of places to run in, and its clock ticks.
//!
//! The pool is reserved once, so that starting a step costs microseconds. A host-wide permit
//! stands for one place in it: there are exactly as many permits as places, so a call that
//! holds one never finds the pool exhausted. The engine must never be told to keep guest
//! memory resident: what one guest wrote must not be there for the next.

mod ticker;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use wasmtime::{Config, InstanceAllocationStrategy, PoolingAllocationConfig};

use ticker::{Running, Ticker};

/// Core instances that one component may consist of; guests in Python have 38.
const CORE_INSTANCES: u32 = 64;
/// Tables of one component.
const TABLES: u32 = 40;
/// Linear memories of one component.
const MEMORIES: u32 = 8;
/// Elements of one table, whatever a plugin's own limit says.
const TABLE_ELEMENTS: usize = 100_000;

/// The engine could not be made.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine cannot be started on this machine: {0}")]
pub struct EngineError(String);

impl EngineError {
    pub(crate) fn new(error: &wasmtime::Error) -> Self {
        Self(format!("{error:#}"))
    }
}

/// The engine, with as many permits as it has places.
#[derive(Debug)]
pub(crate) struct Engine {
    wasm: wasmtime::Engine,
    places: Arc<Semaphore>,
    capacity: u32,
    is_pooled: bool,
    ticker: Ticker,
}

/// The right to run one call. Given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    _place: OwnedSemaphorePermit,
    _running: Running,
}

impl Engine {
    /// Reserves a pool for that many calls at the same time; where the address space does not
    /// allow it, every call allocates on its own.
    pub(crate) fn new(capacity: u32) -> Result<Self, EngineError> {
        let capacity = capacity.max(1);
        let pooled = wasmtime::Engine::new(&pooled(capacity)).inspect_err(|error| {
            tracing::warn!(
                %error,
                "no address space for a pool of instances; each call allocates its own, which is slower"
            );
        });
        let is_pooled = pooled.is_ok();
        let wasm = pooled
            .or_else(|_| wasmtime::Engine::new(&on_demand()))
            .map_err(|error| EngineError::new(&error))?;
        let ticker = Ticker::start(wasm.weak()).map_err(|error| EngineError(error.to_string()))?;
        let places = Arc::new(Semaphore::new(capacity as usize));
        Ok(Self {
            wasm,
            places,
            capacity,
            is_pooled,
            ticker,
        })
    }

    pub(crate) fn wasm(&self) -> &wasmtime::Engine {
        &self.wasm
    }

    pub(crate) fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Are the places reserved? Else each call allocates its own.
    pub(crate) fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    /// Places that are free at this moment.
    pub(crate) fn idle(&self) -> usize {
        self.places.available_permits()
    }

    /// Waits for a place, in the order of asking.
    pub(crate) async fn permit(&self) -> Result<Permit, EngineError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_closed| EngineError("it has been shut down".into()))?;
        Ok(Permit {
            _place: place,
            _running: self.ticker.running(),
        })
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.wasm_component_model(true);
    config.epoch_interruption(true);
    config
}

/// For machines on which address space is short: memory is reserved as it is needed.
fn on_demand() -> Config {
    let mut config = config();
    config
        .memory_reservation(0)
        .memory_reservation_for_growth(1 << 20)
        .memory_guard_size(1 << 16);
    config
}

fn pooled(capacity: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(capacity)
        .total_core_instances(capacity.saturating_mul(CORE_INSTANCES))
        .total_memories(capacity.saturating_mul(MEMORIES))
        .total_tables(capacity.saturating_mul(TABLES))
        .total_stacks(capacity.saturating_mul(2))
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .table_elements(TABLE_ELEMENTS);
    let mut config = config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn there_are_as_many_permits_as_places() {
        let engine = Engine::new(2).unwrap();
        let first = engine.permit().await.unwrap();
        let _second = engine.permit().await.unwrap();
        assert_eq!((engine.capacity(), engine.idle()), (2, 0));
        let mut third = Box::pin(engine.permit());
        assert!(futures::poll!(&mut third).is_pending());
        drop(first);
        third.await.unwrap();
    }
}
