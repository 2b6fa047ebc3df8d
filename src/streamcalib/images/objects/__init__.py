"""Images in object storage, by URL: s3://, gs:// and memory://, through obstore."""
