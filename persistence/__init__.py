"""Whatever goes out: journal, snapshots, mirror, fills and the embedded servers."""
