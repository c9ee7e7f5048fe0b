"""What the tests stand on: real servers, an app to test with, and words for what is missing."""
