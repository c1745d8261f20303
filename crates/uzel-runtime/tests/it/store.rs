//! The conformance suite on both stores.

use std::sync::{Arc, Mutex};

use uzel_core::store::Store;
use uzel_runtime::store::{memory::Memory, sqlite::Sqlite};
use uzel_testkit::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory() {
    conformance::store(|| Arc::new(Memory::new())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite() {
    let dirs = Mutex::new(vec![]);
    let make = || -> Arc<dyn Store> {
        let dir = tempfile::tempdir().unwrap();
        let store = Sqlite::open(&dir.path().join("new/store")).unwrap();
        dirs.lock().unwrap().push(dir);
        Arc::new(store)
    };
    conformance::store(make).await;
}
