use super::*;

#[test]
fn both_forms_are_read_in_order() {
    let outputs = parse(br#"{"url":"http://x","token":{"value":"t","sensitive":true}}"#).unwrap();
    assert_eq!(format!("{outputs:?}"), "[url=http://x, token=…]");
    assert_eq!(outputs[1].value, "t");
    assert!(parse(b" \n").unwrap().is_empty());
}

#[test]
fn errors_say_where_and_quote_no_value() {
    let cases: [&[u8]; 8] = [
        b"{\n\"a\": \"1234567\\u0000\"}",
        b"{\n  \"n\": 1234567\n}",
        b"{\n\"a\": \"1234567",
        b"{\n\"a\": {\"sensitive\": true}}",
        b"{\n\"a\": {\"value\": \"1234567\", \"secret\": true}}",
        b"{\n\"a b\": \"1234567\"}",
        b"{\n\"a\": \"1234567\", \"a\": \"1234567\"}",
        b"{\n\"a\": {\"value\": [\"1234567\"]}}",
    ];
    for case in cases {
        let error = parse(case).unwrap_err();
        let OutputsError::Wrong { line, .. } = &error else {
            panic!("{error}");
        };
        assert!((2..=3).contains(line), "{error}");
        assert!(!error.to_string().contains("1234567"), "{error}");
    }
}

#[test]
fn what_is_not_a_small_ordinary_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("output.json");
    assert!(read(&path).unwrap().is_empty());
    std::fs::create_dir(&path).unwrap();
    assert_eq!(read(&path).unwrap_err().code(), "job.outputs-invalid");
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
    assert_eq!(read(&path).unwrap_err().code(), "job.outputs-invalid");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, vec![b' '; 65 * 1024]).unwrap();
    assert!(
        read(&path)
            .unwrap_err()
            .to_string()
            .contains("larger than 65536")
    );
}
