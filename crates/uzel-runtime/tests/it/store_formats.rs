//! Stores that older programs left behind: see tests/stores/README.md.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use uzel_core::{
    event::{Event, Stored},
    store::{Filter, Status, Store},
};
use uzel_runtime::store::sqlite::{Sqlite, backup, check, stats};

/// A recorded store of this format, as a file.
fn recorded(format: u32) -> TempDir {
    let sql = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/stores/format-{format}.sql"));
    let dir = tempfile::tempdir().unwrap();
    let conn = Connection::open(dir.path().join("runs.db")).unwrap();
    conn.execute_batch(&std::fs::read_to_string(sql).unwrap()).unwrap();
    dir
}

fn whole(dir: &Path) -> check::Checked {
    let checked = check::check(dir, &mut |_| vec![]).unwrap();
    assert_eq!(checked.problems, []);
    checked
}

#[tokio::test]
async fn older_formats_are_brought_forward() {
    for format in [1, 2] {
        let dir = recorded(format);
        let error = Sqlite::open_read_only(dir.path()).err().unwrap().to_string();
        assert!(error.contains(&format!("the older format {format}, this program reads 3")), "{error}");
        let before = whole(dir.path());
        assert_eq!((before.format, before.runs, before.records, before.blobs), (u64::from(format), 3, 10, 1));

        let store = Sqlite::open(dir.path()).unwrap();
        let heads = store.heads(Filter::default()).await.unwrap();
        let rows: Vec<_> = heads.iter().map(|head| (head.run.as_str(), head.status)).collect();
        let wanted = [("order-3", Status::Running), ("order-2", Status::Waiting), ("order-1", Status::Succeeded)];
        assert_eq!(rows, wanted);
        let (events, last) = store.load("order-1".into()).await.unwrap();
        assert_eq!(last, 3);
        let large = events.iter().filter_map(Event::stored).find_map(|stored| match stored {
            Stored::Blob(hash) => Some(hash.clone()),
            _ => None,
        });
        let value = store.blob(large.unwrap()).await.unwrap().unwrap();
        assert_eq!(value.len(), 70_000 + r#"{"text":""}"#.len());
        let tasks = store.tasks(false, None).await.unwrap();
        assert_eq!(tasks.iter().map(|task| task.closed.is_some()).collect::<Vec<_>>(), [false, true]);
        let release = store.release(heads[0].release.clone()).await.unwrap().unwrap();
        assert!(release.overlays.is_empty() && release.main == "app.yaml" && release.files.len() == 2);
        drop(store);

        let after = whole(dir.path());
        assert_eq!((after.format, after.releases, after.tasks, after.idle_blobs), (3, 1, 2, 0));
        assert_eq!(stats::stats(dir.path()).unwrap().open_questions, 1);
    }
}

/// Before a new program writes to a store is the best moment for a backup.
#[tokio::test]
async fn an_older_format_is_backed_up_as_it_is_and_brought_forward_when_it_comes_back() {
    let (dir, other) = (recorded(1), tempfile::tempdir().unwrap());
    let copy = dir.path().join("copy.db");
    let copied = backup::backup(dir.path(), &copy, false).unwrap();
    assert_eq!((copied.checked.format, copied.checked.runs), (1, 3));
    assert!(Sqlite::open_read_only(dir.path()).is_err(), "the store is as it was");
    let restored = backup::restore(other.path(), &copy, false).unwrap();
    assert_eq!((restored.checked.format, restored.aside), (3, None));
    assert_eq!(Sqlite::open_read_only(other.path()).unwrap().heads(Filter::default()).await.unwrap().len(), 3);
}
