//! Tests of the file retriever on small folders.

use std::fs;

use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let full = dir.path().join(path);
        fs::create_dir_all(full.parent().unwrap()).unwrap();
        fs::write(full, text).unwrap();
    }
    dir
}

fn files(dir: &TempDir, glob: &str) -> Files {
    let config = Config { files: Globs::One(glob.to_owned()), language: Language::English };
    Files::new("policies", config, dir.path(), &dir.path().join(".cache"))
}

fn corpus() -> TempDir {
    folder(&[
        ("docs/refunds.md", "# Refunds\nLate orders are refunded in full.\n## Customs\nZölle zahlt der Kunde.\n"),
        ("docs/deep/shipping.md", "# Shipping\nParcels ship within two days. Late parcels are rare.\n"),
        ("docs/zh.md", "# 退款政策\n迟到的订单可以全额退款。\n"),
        ("docs/notes.txt", "Nothing about money here.\n"),
        ("other/refunds.md", "# Refunds\nNot for customers.\n"),
    ])
}

async fn ids(files: &Files, query: &str) -> Vec<String> {
    files.search(query, 10, 0.0).await.unwrap().into_iter().map(|found| found.id).collect()
}

#[tokio::test]
async fn finds_passages_of_the_named_files() {
    let dir = corpus();
    let files = files(&dir, "docs/**/*.md");
    assert_eq!(
        ids(&files, "How do I get a refund for late orders?").await,
        ["docs/refunds.md#refunds", "docs/refunds.md#customs", "docs/deep/shipping.md#shipping"]
    );
    assert_eq!(ids(&files, "zolle").await, ["docs/refunds.md#customs"]);
    assert_eq!(ids(&files, "全额退款").await, ["docs/zh.md#退款政策"]);
    assert_eq!(ids(&files, "money \" OR * NEAR(").await, [""; 0]);
    let found = files.search("refund", 1, 0.0).await.unwrap();
    assert_eq!((found.len(), found[0].title.as_str(), found[0].score > 0.0), (1, "Refunds", true));
    assert!(files.search("refund", 9, found[0].score + 0.1).await.unwrap().is_empty());
}

#[tokio::test]
async fn follows_changes_and_keeps_the_cache() {
    let dir = corpus();
    let searched = files(&dir, "docs/**/*.md");
    searched.refresh().unwrap();
    let made = fs::metadata(searched.cache_file()).unwrap().modified().unwrap();
    files(&dir, "docs/**/*.md").refresh().unwrap();
    assert_eq!(fs::metadata(searched.cache_file()).unwrap().modified().unwrap(), made, "an index that fits is kept");
    // The same length and perhaps the same tick of the clock: only the content tells.
    fs::write(
        dir.path().join("docs/deep/shipping.md"),
        "# Shipping\nParcels ship within two days. Late penguin are rare.\n",
    )
    .unwrap();
    searched.refresh().unwrap();
    assert_eq!(ids(&searched, "penguin").await, ["docs/deep/shipping.md#shipping"]);
    fs::remove_file(dir.path().join("docs/deep/shipping.md")).unwrap();
    searched.refresh().unwrap();
    assert!(ids(&searched, "penguin").await.is_empty());
    let left = fs::read_dir(dir.path().join(".cache")).unwrap().count();
    assert_eq!(left, 1, "no temporary file stays");
}

#[test]
fn a_broken_cache_is_made_again() {
    let dir = corpus();
    let searched = files(&dir, "docs/*.md");
    fs::create_dir_all(dir.path().join(".cache")).unwrap();
    fs::write(searched.cache_file(), "no database").unwrap();
    searched.refresh().unwrap();
    assert!(fs::metadata(searched.cache_file()).unwrap().len() > 1000);
}

#[test]
fn many_at_once() {
    let dir = corpus();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let files = files(&dir, "docs/**/*.md");
                files.refresh().unwrap();
                assert_eq!(files.0.search("parcels", 5, 0.0).unwrap().len(), 1);
            });
        }
    });
}

#[test]
fn bad_folders_are_named() {
    let dir = corpus();
    let error = |glob: &str| files(&dir, glob).refresh().unwrap_err().message;
    assert!(error("nothing/*.md").contains("no file fits `nothing/*.md`"));
    assert!(error("../*.md").contains("must name files under"));
    assert!(error("docs/[").contains("`files: docs/[` is no glob"));
    fs::write(dir.path().join("docs/bad.md"), b"caf\xe9").unwrap();
    assert!(error("docs/*.md").contains("docs/bad.md is no UTF-8 text (byte 3)"));
    fs::write(dir.path().join("docs/bad.md"), vec![b'a'; 5 * 1024 * 1024 + 1]).unwrap();
    assert!(error("docs/*.md").contains("docs/bad.md has 5242881 bytes"));
}
