/** The languages that are highlighted: those of the patches that come in. */

import { refractor } from "refractor/core";
import bash from "refractor/bash";
import c from "refractor/c";
import clojure from "refractor/clojure";
import cpp from "refractor/cpp";
import csharp from "refractor/csharp";
import css from "refractor/css";
import dart from "refractor/dart";
import docker from "refractor/docker";
import elixir from "refractor/elixir";
import erlang from "refractor/erlang";
import go from "refractor/go";
import groovy from "refractor/groovy";
import haskell from "refractor/haskell";
import ini from "refractor/ini";
import java from "refractor/java";
import javascript from "refractor/javascript";
import json from "refractor/json";
import jsx from "refractor/jsx";
import kotlin from "refractor/kotlin";
import less from "refractor/less";
import lua from "refractor/lua";
import makefile from "refractor/makefile";
import markdown from "refractor/markdown";
import markup from "refractor/markup";
import objectivec from "refractor/objectivec";
import perl from "refractor/perl";
import php from "refractor/php";
import powershell from "refractor/powershell";
import protobuf from "refractor/protobuf";
import python from "refractor/python";
import ruby from "refractor/ruby";
import rust from "refractor/rust";
import scala from "refractor/scala";
import scss from "refractor/scss";
import sql from "refractor/sql";
import swift from "refractor/swift";
import toml from "refractor/toml";
import tsx from "refractor/tsx";
import typescript from "refractor/typescript";
import yaml from "refractor/yaml";

for (const language of [
  bash, c, clojure, cpp, csharp, css, dart, docker, elixir, erlang, go, groovy, haskell, ini, java, javascript, json, jsx, kotlin, less,
  lua, makefile, markdown, markup, objectivec, perl, php, powershell, protobuf, python, ruby, rust, scala, scss, sql, swift, toml, tsx,
  typescript, yaml,
]) {
  refractor.register(language);
}

export { refractor };
