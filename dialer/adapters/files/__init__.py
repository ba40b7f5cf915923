"""Files that people bring and take: lists in CSV and XLSX, rejects."""
