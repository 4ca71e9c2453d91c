"""Calls that somebody types who knows NumPy, PyTorch, ONNX or llama.cpp: they work, or the error shows what does."""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib
import pickle
import re
from typing import Any

import numpy as np
import pytest

import playground
from playground import gallery
from playground.calls import filled
from playground.errors import PlaygroundError
from playground.model import other_names as model_names
from playground.model.recipe import other_names as recipe_names
from playground.ptq import other_names as ptq_names
from playground.quantization import other_names as scheme_names

X = np.random.default_rng(11).normal(size=(8, 64)).astype(np.float32)
IMAGES = gallery.digits().images[:8]
PUBLIC = {name: getattr(playground, name) for name in playground.__all__}
MODEL = gallery.open_model("digits-mlp")
RESULT = playground.quantize_model(MODEL, "int8", IMAGES)
Q = playground.quantize(X, "int4")
NAMES: dict[str, Any] = {
    "dataclasses": dataclasses,
    **PUBLIC,
    "playground": playground,
    "np": np,
    "numpy": np,
    "json": json,
    "copy": copy,
    "pickle": pickle,
    "pathlib": pathlib,
    "Path": pathlib.Path,
    "x": X,
    "q": Q,
    "q2": playground.quantize(X, "int4"),
    "images": IMAGES,
    "array": IMAGES,
    "samples": IMAGES,
    "model": MODEL,
    "result": RESULT,
    "report": RESULT.report,
    "recipe": playground.Recipe(),
    "scheme": playground.Scheme("int4"),
    "tensor": MODEL["fc1.weight"],
    "outputs": playground.run(MODEL, IMAGES),
}


def typed(text: str) -> Any:
    """What comes of an expression that a newcomer types."""
    return eval(text, dict(NAMES))  # noqa: S307


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a model, an array, a text and a folder in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(gallery.model_bytes("digits-mlp"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.txt").write_text("hello")
    np.save(tmp_path / "x.npy", X)
    np.savez(tmp_path / "x.npz", a=X)


@pytest.mark.parametrize(
    "claim",
    [
        "Scheme('INT4') == Scheme('int4')",
        "Scheme(np.int8) == Scheme(np.dtype('int8')) == Scheme('int8')",
        "Scheme('Q4_0') == Scheme('q4_0')",
        "quantize(x, 'NF4').scheme.format == 'nf4'",
        "quantize(x, np.uint8).scheme.format == 'uint8'",
        "quantize(x, formats()['int4']).scheme == Scheme('int4')",
        "quantize(x, scheme='int4', format='int8').scheme.format == 'int8'",
        "quantize(x.astype(int)).shape == x.shape",
        "quantize([1.0, 2.0]).shape == (2,) and quantize((1, 2)).shape == (2,)",
        "quantize(3.0).shape == () and float(quantize(3.0)) == 3.0 and int(quantize(3.0)) == 3",
        "f'{quantize(3.0):.2f}' == '3.00'",
        "quantize(x.T).shape == (64, 8)",
        "quantize(model['fc1.weight']).shape == (512, 64)",
        "choose_qparams((-1, 1), 'int8').scale == choose_qparams(Range(-1, 1), Scheme('int8')).scale",
        "len(q) == 8 and bool(q)",
        "(q + 1 == q.dequantize() + 1).all() and (1 - q == 1 - q.dequantize()).all()",
        "(q == q2).all() and not (q != q2).any() and (q == q.dequantize()).all()",
        "(q == None).sum() == 0 and hash(q) != hash(q2)",
        "(-q == -q.dequantize()).all() and (q > 0).any() and (abs(q) >= 0).all()",
        "(x @ q.dequantize().T == x @ np.transpose(q)).all()",
        "np.add(q, q2).shape == (8, 64) and np.stack([q, q2]).shape == (2, 8, 64)",
        "np.allclose(q, x, atol=1) and np.mean(q) == q.dequantize().mean()",
        "(copy.deepcopy(q) == q).all() and (pickle.loads(pickle.dumps(q)) == q).all()",
        "len(model) == 6 and list(model)[0] == 'fc1.weight' and 'fc1.weight' in model and 'w' not in model",
        "model['fc1.weight'] is model.tensors['fc1.weight'] and dict(model) == dict(model.tensors)",
        "list(model.keys()) == list(model.tensors) and model.get('w') is None",
        "(model['fc1.weight'] - 1 == model['fc1.weight'].numpy() - 1).all() and len(model['fc1.weight']) == 512",
        "pickle.loads(pickle.dumps(model)) == model and copy.deepcopy(model)['fc1.bias'].numpy().size == 512",
        "pickle.loads(pickle.dumps(result)).onnx == result.onnx == copy.deepcopy(result).onnx",
        "pickle.loads(pickle.dumps(outputs)).engine == outputs.engine",
        "load(Path('model.onnx').read_bytes()).graph.nodes == load(Path('model.onnx')).graph.nodes",
        "load(['model.onnx']).name == 'model.onnx'",
        "q in [q] and [q, q2].index(q) == 0 and {q: 1}[q] == 1 and any(each is q for each in [q2, q])",
        "(q == [[1.0] * 64]).shape == (8, 64) and bool(quantize(3.0) == 3.0) and type((q == q2) & True) is np.ndarray",
        "np.array_equal(q, q2) and np.median(q) == np.median(q.dequantize())",
        "q.shape == (8, 64) and len(q.codes) == 8 and (q ** 2 >= 0).all()",
        "np.where(q > 0, q, 0).min() == 0 and np.concatenate([q, q2]).shape == (16, 64)",
        "np.histogram(q)[0].sum() == 512 and np.linalg.norm(q) > 0 and np.sum(q, axis=0).shape == (64,)",
        "np.save('q.npy', q) is None and (np.load('q.npy') == q).all()",
        "np.savez('q.npz', w=q) is None and load('q.npz')['w'].shape == (8, 64)",
        "f'{q!r:>100}'.endswith('B)') and len(f'{model:>90}') == 90 and len(f'{recipe:30}') == 30",
        "json.loads(json.dumps(recipe.as_dict())) == recipe.as_dict() and json.dumps(scheme.as_dict())",
        "json.dumps(result.report.as_dict()) and json.dumps(compare(x, q))",
        "copy.copy(q).scheme == q.scheme and copy.copy(recipe) == recipe == copy.deepcopy(recipe)",
        "pickle.loads(pickle.dumps(scheme)) == scheme and pickle.loads(pickle.dumps(recipe)) == recipe",
        "pickle.loads(pickle.dumps(q.qparams)) == q.qparams and copy.deepcopy(Range(-1, 1)) == Range(-1, 1)",
        "Range(-1, 1) in [Range(-1, 1)] and {Range(-1, 1): 1}[Range(-1.0, 1.0)] == 1 and Range(-1, 1) != Range(-1, 2)",
        "tuple(Range(-1, 1)) == (-1, 1) and q.qparams == q2.qparams != quantize(x, 'int8').qparams",
        "list(reversed(model)) == list(model)[::-1] and {model: 1}[model] == 1 and model != 3",
        "bytes(result) == result.onnx and bool(recipe) and bool(scheme) and bool(result.report) and bool(result)",
        "load(bytearray(Path('model.onnx').read_bytes())).graph == load(Path('model.onnx').read_bytes()).graph",
        "load(memoryview(Path('model.onnx').read_bytes())).graph is not None",
        "load({'w': [1.0, 2.0], 'q': q})['q'].shape == (8, 64) and load(np.load('x.npz'))['a'].shape == (8, 64)",
        "load(model) is model and load(result) is result.model",
        "(model.with_tensors({'fc1.bias': np.ones(512)})['fc1.bias'].numpy() == 1).all()",
        "pickle.loads(pickle.dumps(model)).tensors == model.tensors == copy.copy(model.tensors)",
        "np.array_equal(run(model, list(images))['logits'], run(model, images)['logits'])",
        "run(Path('model.onnx').read_bytes(), images)['logits'].argmax(1).shape == (8,)",
        "quantize(np.float16(1)).shape == () and quantize(np.ma.array([1.0, 2.0])).shape == (2,)",
        "quantize(q, 'int8').shape == q.shape and quantize(outputs['logits']).shape == (8, 10)",
        "quantize(x, {'format': 'int4'}).scheme == Scheme('int4') and quantize(x, None).scheme == Scheme('int8')",
        "quantize_model(Path('model.onnx'), None, [images], verify=False).report.recipe == Recipe().as_dict()",
        "quantize_model(model, 'INT4').report.tensors[0].scheme['format'] == 'int4'",
        "quantize_model(model, np.int8, verify=False).report.recipe == Recipe().as_dict()",
        "quantize_model(model, activations='Dynamic').report.recipe['activations'] == 'dynamic'",
        "quantize_model(model, calibration=[images[:4], images[4:]]).report.calibration_samples == 8",
        "quantize_model(model, calibration=list(images)).report.calibration_samples == 8",
        "quantize_model(model, calibration=images).report.calibration_samples == 8",
        "run('model.onnx', images)['logits'].shape == (8, 10)",
        "set(compare(x, q)) == set(compare([1.0], [2.0]))",
        "playground.gallery.open_model('digits-mlp').name.startswith('digits-mlp')",
        "result.save('small.onnx') is None and load('small.onnx').graph is not None",
    ],
)
def test_works(claim: str) -> None:
    assert typed(claim)


@pytest.mark.parametrize(
    ("text", "shown"),
    {
        "Scheme(bits=4)": "format='int4'",
        "Scheme(4)": "Use 'int4'",
        "Scheme('int4', bits=4)": "format='int4'",
        "Scheme('4bit')": "Use 'int4'",
        "Scheme('fp8')": "Use 'fp8_e4m3'",
        "Scheme('float16')": "Use 'fp16'",
        "Scheme('')": "such as",
        "Scheme(None)": "such as",
        "Scheme('int4', group_size=64)": "granularity='block', block_size=64",
        "Scheme('int4', per_channel=True)": "granularity='channel', axis=0",
        "Scheme('int4', granularity='per_channel')": "channel",
        "Scheme('int4', granularity='per-channel')": "channel",
        "Scheme('int4', symmetric='yes')": "Use True or False",
        "Scheme('int4', axis='0')": "Use an integer",
        "Scheme('int4', convention='torch')": "pytorch",
        "Scheme('int4').bits": "scheme.element.bits",
        "Scheme('int4').to_dict()": "scheme.as_dict()",
        "Recipe(format='int4')": "weights='int4'",
        "Recipe(bits=4)": "weights='int4'",
        "Recipe('int8')": "Recipe(weights='int8')",
        "Recipe('weight-only')": "Recipe(activations='weight-only')",
        "Recipe('recipe.json')": "Recipe.from_json(",
        "Recipe({'weights': 'int4'})": "Recipe.from_dict({'weights': 'int4'})",
        "Recipe(weight='int4')": "weights='int4'",
        "Recipe(weights=8)": "'int8'",
        "Recipe(weights='int4', activations='int8')": "activation_scheme='int8'",
        "Recipe(algorithm='gptq')": "algorithms=['gptq']",
        "Recipe(algorithms={'gptq': {}})": "algorithms=['gptq'",
        "Recipe(rules=['fc1.*'])": "{'pattern': 'fc1.*'",
        "Recipe(exclude=['fc1'])": "rules=[{'pattern'",
        "Recipe(calibration='minmax')": "{'samples': 100}",
        "Recipe.from_dict({'wieghts': 'int4'})": "Use weights",
        "Recipe.from_json(Path('recipe.json'))": "path.read_text()",
        "Recipe().to_json('recipe.json')": "recipe.to_json()",
        "Recipe().save('recipe.json')": "write_text(recipe.to_json())",
        "q[0]": "q.dequantize()[0]",
        "list(q)": "q.dequantize()",
        "0.5 in q": "q.dequantize()",
        "q.numpy()": "q.dequantize()",
        "q.int_repr()": "q.codes",
        "q.mean()": "q.dequantize().mean",
        "q.dtype": "q.codes.dtype",
        "q.T": "q.dequantize().T",
        "q.scales": "Use q.scale",
        "float(q)": "q.dequantize()",
        "q + 'a'": "Give a number",
        "q + np.zeros(3)": "whose shape fits",
        "np.add(q, 1, out=(q,))": "q.dequantize()",
        "len(quantize(3.0))": "float(x)",
        "dequantize(q.codes, q.scale)": "dequantize(quantize(x, 'int8'))",
        "model['w']": "fc1.weight",
        "model['fc1.weigth']": "Use 'fc1.weight'",
        "model.tensors['w']": "fc1.weight",
        "model.tensors.w": "",
        "model['fc1.weight'][0]": "tensor.numpy()[0]",
        "model['fc1.weight'].mean()": "tensor.numpy().mean",
        "model.inputs": "model.graph.inputs",
        "model.state_dict()": "model.tensors",
        "model.save('x')": "quantize_model(model).save('small.onnx')",
        "model(images)": "run(model, {'image': array})",
        "model.forward(images)": "run(model, {'image': array})",
        "result['fc1.weight']": "result.model['fc1.weight']",
        "result(images)": "run(result, {'image': array})",
        "result.tensors": "result.model.tensors",
        "result.save()": "result.save('small.onnx')",
        "result.save(3)": "'small.onnx'",
        "result.save('small.gguf')": "Use small.onnx",
        "result.save('nowhere/small.onnx')": "Create the folder first",
        "result.report['size']": "report.as_dict()['file_bytes']",
        "result.report.to_json()": "json.dumps(report.as_dict())",
        "outputs[0]": "logits",
        "outputs['logit']": "Use 'logits'",
        "outputs.logits": "outputs['logits']",
        "outputs.argmax()": "outputs['logits'].argmax",
        "compare(x, q)['snr']": "sqnr_db",
        "compare(x, q).sqnr_db": "measures['sqnr_db']",
        "compare(x)": "compare(x, quantize(x, 'int8'))",
        "compare(x, q, metric='mse')": "compare(x, q)['mse']",
        "compare(model, result)": "model['fc1.weight']",
        "compare('model.onnx', 'small.onnx')": "load('model.onnx')",
        "formats()['int99']": "",
        "formats()['Int8']": "int8",
        "calibrators()['min_max']": "Use 'minmax'",
        "conventions()['tf_lite']": "Use 'tflite'",
        "formats('int4')": "formats()['int4']",
        "quantize()": "quantize(x, 'int8')",
        "quantize(x, 4)": "'int4'",
        "quantize(x, bits=4)": "format='int4'",
        "quantize(x, dtype='int8')": "format='int8'",
        "quantize(x, dtype=np.int8)": "format='int8'",
        "quantize(x, 'qint8')": "Use 'int8'",
        "quantize(x, 'torch.quint8')": "Use 'uint8'",
        "quantize(x, 'Q4_K_M')": "Use 'q4_k'",
        "quantize(x, axis=0)": "granularity='channel'",
        "quantize(x, ch_axis=1)": "granularity='channel', axis=1",
        "quantize(x, block_size=32)": "granularity='block'",
        "quantize(x, asymmetric=True)": "symmetric=False",
        "quantize(x, scale=0.1)": "range=(-1.0, 1.0)",
        "quantize(x, 0.1, 0, 'int8')": "quantize(x, 'int8')",
        "quantize(x, zero_point='0', symmetric=False)": "an integer from -128 to 127",
        "quantize(x, zero_point=3.5, symmetric=False)": "an integer from -128 to 127",
        "quantize(x, range=1.0)": "(-1.0, 1.0)",
        "quantize(x, range=x)": "(-1.0, 1.0)",
        "quantize(x, calibratr='mse')": "Use calibrator",
        "quantize(x, 'int4', granularty='channel')": "Use granularity",
        "quantize(X=x)": "Use x",
        "quantize(model)": "quantize_model",
        "quantize({'w': x})": "quantize_model",
        "quantize('model.onnx')": "load('model.onnx')",
        "quantize(Path('x.npy'))": "numpy.load('x.npy')",
        "quantize([np.nan, 1.0])": "Replace these values",
        "quantize([])": "Give at least one value",
        "quantize(None)": "numpy.array([0.5, -1.0])",
        "quantize([1j])": "Give integers or floats",
        "quantize(np.array([None, 1.0]))": "Give integers or floats",
        "quantize(x > 0)": "Give integers or floats",
        "quantize(x, Recipe())": "Scheme('int4')",
        "choose_qparams(x, 'int8')": "(-1.0, 1.0)",
        "choose_qparams(x)": "choose_qparams(Range(-1.0, 1.0), 'int8')",
        "Range(1)": "Range(-1.0, 1.0)",
        "Range(min=-1, max=1)": "lo and hi",
        "QTensor(x)": "quantize(x, 'int8')",
        "QParams()": "QParams(scale=0.1",
        "Model('model.onnx')": "load('model.onnx')",
        "Report()": "quantize_model(",
        "quantize_model()": "quantize_model('model.onnx', 'int8'",
        "quantize_model(model, 4)": "Use 'int4'",
        "quantize_model(model, bits=4)": "weights='int4'",
        "quantize_model(model, 'qint8')": "Use 'int8'",
        "quantize_model(model, Scheme('int4'))": "weights=Scheme(",
        "quantize_model(model, calibraton=images)": "Use calibration",
        "quantize_model(model, calibration_data=images)": "calibration={'image': samples}",
        "quantize_model(model, data=[images])": "calibration={'image': samples}",
        "quantize_model(model, calibration='x.npy')": "numpy.load(",
        "quantize_model(model, calibration={'img': images})": "image",
        "quantize_model(model, per_channel=True)": "granularity='channel'",
        "quantize_model(model, {'weights': {'bits': 4}})": "format='int4'",
        "quantize_model('model.onnx', 'small.onnx')": ".save('small.onnx')",
        "quantize_model('folder')": "a folder and not a file",
        "quantize_model(result)": "Start from the float model",
        "quantize_model(x)": "{'weight': array}",
        "load()": "load('model.onnx')",
        "load('modle.onnx')": "there is a file 'model.onnx'",
        "load('https://example.com/model.onnx')": "Download the file first",
        "load('folder')": "a folder and not a file",
        "load('')": "'model.onnx'",
        "load('text.txt')": ".onnx",
        "load(open('model.onnx', 'rb'))": "load(file.read())",
        "load('model.onnx', format='onnx')": "name='model.onnx'",
        "run(model)": "run(model, {'image': array}",
        "run(model, image=images)": "run(model, {'image': array}",
        "run(model, {'wrong': images})": "image",
        "run(model, images, enigne='wasm')": "Use engine",
        "run(model, images, device='cpu')": "engine='onnxruntime'",
        "run(model, images, 'ort')": "onnxruntime",
        "run('missing.onnx', images)": "Check the path",
        "q in [q2]": "(a == b).all()",
        "[q, q2].count(q2)": "(a == b).all()",
        "'same' if q == q2 else 'other'": "(a == b).all()",
        "'other' if q != q2 else 'same'": "(a == b).all()",
        "q == np.zeros(3)": "whose shape fits",
        "q != [1, 2]": "whose shape fits",
        "q.__setitem__(0, 1.0)": "a = q.dequantize().copy()",
        "q.__delitem__(0)": "a = q.dequantize().copy()",
        "tensor.__setitem__(0, 1.0)": "a = tensor.numpy().copy()",
        "bytes(q)": "q.dequantize().tobytes()",
        "np.asarray(q, copy=False)": "Leave copy out",
        "np.asarray(model)": "model['fc1.weight'].numpy()",
        "np.mean(model)": "model['fc1.weight'].numpy()",
        "model[:2]": "fc1.weight",
        "model[0]": "fc1.weight",
        "model['fc1.weight', 'fc1.bias']": "fc1.weight",
        "model | {'fc1.weight': x}": "model.with_tensors({'fc1.weight': array})",
        "model.__setitem__('fc1.weight', x)": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.__setitem__('fc1.weight', x)": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.__delitem__('fc1.weight')": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.__ior__({'fc1.weight': x})": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.update(x=x)": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.pop('fc1.weight')": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.setdefault('w', x)": "model.with_tensors({'fc1.weight': array})",
        "model.tensors.clear()": "model.with_tensors({'fc1.weight': array})",
        "result.model.tensors.update(x=x)": "model.with_tensors({'fc1.weight': array})",
        "model.with_tensors(x)": "model.with_tensors({'fc1.weight': array})",
        "model.with_tensors({'w': x})": "fc1.weight",
        "model.with_tensors({'fc1.weight': x})": "Give values of that shape",
        "model.with_tensors({'fc1.bias': ['a'] * 512})": "Give an array",
        "model.with_tensors()": "model.with_tensors({'fc1.weight': array})",
        "setattr(q, 'scale', 1.0)": "scheme",
        "setattr(model, 'name', 'b')": "dataclasses.replace(value, name='b')",
        "delattr(q, 'codes')": "Leave it",
        "delattr(model, 'name')": "Leave it",
        "Model.foo": "Use one of",
        "Model.from_pretrained('x')": "playground.load('model.onnx')",
        "QTensor.from_numpy(x)": "quantize(x, 'int8')",
        "Recipe.from_yaml('r.yaml')": "Recipe.from_dict(",
        "Report.load('r.json')": "quantize_model",
        "scheme['format']": "scheme.format",
        "dict(scheme)": "scheme.as_dict()",
        "len(scheme)": "scheme.as_dict()",
        "scheme(x)": "quantize(x, scheme)",
        "scheme | {'format': 'int8'}": "dataclasses.replace(scheme, format='int4')",
        "recipe['weights']": "recipe.weights",
        "dict(recipe)": "recipe.as_dict()",
        "len(recipe)": "len(recipe.rules)",
        "recipe(model)": "quantize_model(model, recipe)",
        "recipe | {'weights': 'int4'}": "dataclasses.replace(recipe, weights='int4')",
        "len(result.report)": "len(report.tensors)",
        "list(result.report)": "report.tensors",
        "len(result)": "len(result.model)",
        "list(result)": "result.model.tensors",
        "Range(-1, 1)[0]": "range.lo",
        "tensor()": "tensor.numpy()",
        "load('model.onnx', 3)": "name='model.onnx'",
        "load(b'')": "Choose another file",
        "load(3)": "{'weight': array}",
        "load({'w': None})": "{'weight': array}",
        "result.save(b'small.onnx')": "'small.onnx'",
        "result.save(None)": "'small.onnx'",
        "quantize({1, 2})": "",
        "quantize(['1.5'])": "Give integers or floats",
        "quantize(x, 'int4', range=(1, -1))": "Swap them",
        "quantize(x, 'int4', range=(-1, 1, 2))": "(-1.0, 1.0)",
        "quantize(x, 'int4', granularity='block', block_size='32')": "",
        "quantize(x, 'int4', granularity='channel', axis=5)": "",
        "compare(x, x[:2])": "Give two arrays of one shape",
        "Recipe(algorithms=[3])": "['gptq', 'smoothquant:alpha=0.5']",
        "Recipe(rules=[{'pattern': 3}])": "'conv1.*'",
        "Recipe(runtime=3)": "onnxruntime",
        "Recipe.from_json('{')": "",
        "quantize_model(model, True)": "Recipe(weights='int4')",
        "quantize_model(model, 'int8', True)": "as in {'image': digits.images}",
        "quantize_model(model, 'int8', images, verify='no')": "Use True or False",
        "quantize_model(model, 'int8', images, progress=3)": "progress=print",
        "playground.quantise(x)": "Use quantize",
        "playground.save(model, 'x.onnx')": ".save('small.onnx')",
        "playground.evaluate(model)": "run(model",
        "playground.load_model('model.onnx')": "load('model.onnx')",
        "playground.version": "__version__",
    }.items(),
)
def test_is_refused_with_what_works(text: str, shown: str) -> None:
    with pytest.raises(PlaygroundError) as caught:
        typed(text)
    assert shown in str(caught.value)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "error"),
    [("q.mean", AttributeError), ("model['w']", KeyError), ("formats()['w']", KeyError), ("q[0]", TypeError)],
)
def test_errors_are_also_what_python_raises_there(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        typed(text)


def test_objects_can_be_asked_for_attributes() -> None:
    for value in (
        Q,
        MODEL,
        RESULT,
        RESULT.report,
        playground.Scheme(),
        playground,
        NAMES["outputs"],
        MODEL["fc1.bias"],
    ):
        assert not hasattr(value, "no_such_attribute")
        assert getattr(value, "__no_such_protocol__", None) is None


def _first(text: str) -> str:
    """The first of the ways that a remedy names, without what is said about it."""
    return re.split(r", (?:or|each|which|whose) |: (?:ONNX|a scheme) |; ", filled(text, None))[0]


ARGUMENTS = [("quantize(x, {})", each) for each in scheme_names.FIELDS.values()]
ARGUMENTS += [("Recipe({})", each) for each in recipe_names.FIELDS.values()]
ARGUMENTS += [("quantize_model(model, verify=False, {})", each) for each in ptq_names.ARGUMENTS.values()]
ATTRIBUTES = [
    *scheme_names.SCHEME_ATTRIBUTES.values(),
    *scheme_names.QTENSOR_ATTRIBUTES.values(),
    *recipe_names.ATTRIBUTES.values(),
    *model_names.MODEL_ATTRIBUTES.values(),
    *model_names.TENSOR_ATTRIBUTES.values(),
    *ptq_names.ATTRIBUTES.values(),
    *ptq_names.REPORT_ATTRIBUTES.values(),
    *playground._INSTEAD.values(),
]


@pytest.mark.parametrize(("call", "remedy"), sorted({each for each in ARGUMENTS if "224" not in each[1]}))
def test_what_is_shown_for_an_argument_works(call: str, remedy: str) -> None:
    shown = _first(remedy)
    typed(shown if re.match(r"\w+\(", shown) else call.format(shown))


@pytest.mark.parametrize("remedy", sorted({each for each in ATTRIBUTES if not each.startswith("`")}))
def test_what_is_shown_for_an_attribute_works(remedy: str) -> None:
    shown = _first(remedy)
    typed(shown if not shown.startswith("__") else f"playground.{shown}")
