//! Both ends of the control socket, with somebody at the other one who says anything.

use stagewright_fuzz::{Finding, Shape, Target, Verdict};

use super::*;

fn cancel() -> Request {
    Request::Cancel {
        deployment: DeploymentId::new("shop", 3),
        force: true,
    }
}

const WORDS: &[&str] = &[
    "cancel",
    "deployment",
    "force",
    "shop-1",
    "true",
    "accepted",
    "refused",
    "\n",
    "{}",
    "null",
];

#[test]
fn requests() -> Result<(), Finding> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("shop.sock");
    let (sender, mut asked) = mpsc::channel::<Asked>(1);
    let _control = runtime.block_on(async {
        tokio::spawn(async move {
            while let Some((_, reply)) = asked.recv().await {
                // Who asked may be gone already.
                let _ = reply.send(Reply::Accepted);
            }
        });
        Control::listen(&path, sender).unwrap()
    });
    let target = Target::new("control-request", Shape::Text)
        .seed(serde_json::to_string(&cancel()).unwrap() + "\n")
        .words(WORDS);
    target.run(|input| {
        let text = runtime.block_on(async {
            let mut stream = UnixStream::connect(&path).await.unwrap();
            // It may be refused before it was heard to its end.
            let _ = stream.write_all(input).await;
            let _ = stream.shutdown().await;
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text).await;
            text
        });
        assert!(
            text.len() as u64 <= 2 * LONGEST && text.lines().count() <= 1,
            "{text:?}"
        );
        match serde_json::from_str(&text) {
            Ok(Reply::Accepted) => Verdict::Accepted,
            Ok(Reply::Refused(why)) => {
                assert!(!why.is_empty());
                Verdict::Refused
            }
            Err(_) => {
                assert!(text.is_empty(), "{text:?}");
                Verdict::Refused
            }
        }
    })?;
    Ok(())
}

#[test]
fn replies() -> Result<(), Finding> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let target = Target::new("control-reply", Shape::Text)
        .seed("\"accepted\"\n")
        .seed("{\"refused\":\"it has ended\"}\n")
        .words(WORDS);
    target.run(|input| {
        runtime.block_on(async {
            let (near, mut far) = UnixStream::pair().unwrap();
            let driver = async {
                let _ = far.write_all(input).await;
                let _ = far.shutdown().await;
            };
            let request = cancel();
            let (answer, ()) = tokio::join!(converse(near, &request), driver);
            Verdict::from(matches!(answer, Ok(Some(_))))
        })
    })?;
    Ok(())
}
