use std::sync::mpsc;

use super::*;

fn operations() -> (Operations, Cancel) {
    let cancel = Cancel::default();
    (Operations::new(&cancel), cancel)
}

/// Blocking work that goes on until it is interrupted, and says when it has begun.
fn until_interrupted(begun: &mpsc::Sender<()>) -> impl FnOnce(&Interrupt) -> bool + Send + 'static {
    let begun = begun.clone();
    move |interrupt| {
        begun.send(()).unwrap();
        while !interrupt.is_raised() {
            std::thread::yield_now();
        }
        true
    }
}

async fn begun(receiver: mpsc::Receiver<()>) {
    tokio::task::spawn_blocking(move || receiver.recv().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn work_ends_when_the_step_is_asked_to_end() {
    let (operations, cancel) = operations();
    let (sender, receiver) = mpsc::channel();
    let work = operations.blocking("work", until_interrupted(&sender));
    let (ended, ()) = tokio::join!(work, async {
        begun(receiver).await;
        cancel.requested.cancel();
    });
    assert!(ended.unwrap());
}

#[tokio::test]
async fn tidying_goes_on_when_the_step_is_asked_to_end_and_ends_with_the_call() {
    let (operations, cancel) = operations();
    cancel.requested.cancel();
    let (sender, receiver) = mpsc::channel();
    let mut tidying = Box::pin(operations.tidying("tidying", until_interrupted(&sender)));
    assert!(futures::poll!(&mut tidying).is_pending());
    begun(receiver).await;
    assert!(futures::poll!(&mut tidying).is_pending());
    assert_eq!(operations.abort().await, Vec::<String>::new());
    assert!(tidying.await.unwrap());
}

#[tokio::test]
async fn work_that_nobody_waits_for_is_ended_and_waited_for() {
    let (operations, _cancel) = operations();
    let (sender, receiver) = mpsc::channel();
    let mut work = Box::pin(operations.blocking("work", until_interrupted(&sender)));
    assert!(futures::poll!(&mut work).is_pending());
    begun(receiver).await;
    drop(work);
    assert_eq!(operations.abort().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_does_not_end_is_named() {
    let (mut operations, _cancel) = operations();
    operations.confirmation = Duration::from_millis(10);
    let endless = operations.run("a stubborn command", |_| std::future::pending::<()>());
    let mut endless = Box::pin(endless);
    assert!(futures::poll!(&mut endless).is_pending());
    assert_eq!(operations.abort().await, ["a stubborn command"]);
}

#[tokio::test]
async fn a_panic_of_the_host_is_an_error_of_the_host() {
    let (operations, _cancel) = operations();
    let work = operations.blocking("work", |_| -> () { panic!("a bug") });
    let error = work.await.unwrap_err();
    let fault = error.downcast_ref::<HostFault>().unwrap();
    assert!(fault.to_string().contains("failed in work"), "{fault}");
}
