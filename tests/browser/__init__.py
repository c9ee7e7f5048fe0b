"""A package, so that a browser and a demo last as long as its tests (scope="package")."""
