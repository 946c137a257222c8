"""Commands of web users: who may run which, one at a time, with a time limit for each request."""
