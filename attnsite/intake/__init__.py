"""Documents of questions and answers, read into drafts."""
